// runtime/session_file.ipp - the body of session_file.hpp.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string_view>

#include <linnet/base/checksum.hpp>
#include <linnet/base/error.hpp>
#include <linnet/base/output_file.hpp>
#include <linnet/base/printable.hpp>
#include <linnet/gguf/cursor.hpp>
#include <linnet/runtime/session_file.hpp>

namespace linnet {
namespace detail {

inline constexpr std::string_view session_magic = "linnet-s";
inline constexpr std::uint32_t session_version = 1;

/// The model and what its adapters make of it.
inline std::uint64_t session_fingerprint(const Engine& engine) {
  Checksum sum;
  sum.add(engine.model().fingerprint());
  for (const AdapterUse& use : engine.adapters()) {
    sum.add(use.adapter->fingerprint());
    sum.add(use.scale);
  }
  return sum.value();
}

/// The file's directory, computed before its first byte is written.
inline std::vector<SessionLayer> session_layers(const KvCache& cache, std::int64_t layers,
                                                std::int64_t length) {
  const std::int64_t pages = (length + KvCache::page_length - 1) / KvCache::page_length;
  std::vector<SessionLayer> all;
  for (std::int64_t i = 0; i < layers; ++i) {
    const std::int64_t first = cache.first_kept_page(i, length);
    all.push_back({first, pages - first, cache.layer_bytes(i)});
  }
  return all;
}

}  // namespace detail

LINNET_INLINE void write_session(const std::filesystem::path& path, const SessionState& state,
                                 const Engine& engine, SequenceId sequence) {
  const auto layers = detail::session_layers(
      engine.cache(), static_cast<std::int64_t>(engine.model().spec().layers.size()), state.computed);
  detail::SessionHeader header = {.magic = {},
                                  .version = detail::session_version,
                                  .cache_type = static_cast<std::uint32_t>(engine.cache().type()),
                                  .fingerprint = detail::session_fingerprint(engine),
                                  .file_bytes = 0,
                                  .tokens = state.tokens.size(),
                                  .computed = static_cast<std::uint64_t>(state.computed),
                                  .logits = state.logits.size(),
                                  .long_factors = state.long_factors,
                                  .layers = static_cast<std::uint32_t>(layers.size())};
  std::copy(detail::session_magic.begin(), detail::session_magic.end(), header.magic);
  header.file_bytes = sizeof header + sizeof(Token) * header.tokens + sizeof(float) * header.logits +
                      sizeof(detail::SessionLayer) * layers.size() + sizeof(std::uint64_t);
  for (const detail::SessionLayer& layer : layers)
    header.file_bytes += static_cast<std::uint64_t>(layer.pages * layer.page_bytes);

  OutputFile file(path, header.file_bytes);
  Checksum sum;
  const auto add = [&](std::span<const std::byte> bytes) {
    sum.add(bytes);
    file.append(bytes);
  };
  add(std::as_bytes(std::span(&header, 1)));
  add(std::as_bytes(std::span(state.tokens)));
  add(std::as_bytes(std::span(state.logits)));
  for (std::size_t i = 0; i < layers.size(); ++i) {
    add(std::as_bytes(std::span(&layers[i], 1)));
    for (std::int64_t page = 0; page < layers[i].pages; ++page)
      add(engine.cache().keys_and_values(sequence, static_cast<std::int64_t>(i),
                                         layers[i].first_page + page));
  }
  const std::uint64_t checksum = sum.value();
  file.append(std::as_bytes(std::span(&checksum, 1)));
  file.commit();
}

LINNET_INLINE SessionFile::SessionFile(const std::filesystem::path& path, const Engine& engine)
    : file_(MappedFile::open(path)) {
  try {
    read(engine);
  } catch (const Error& error) {
    fail(error.code(), "the saved session ", path_in_quotes(path), ": ", error.what());
  }
}

namespace detail {

/// The header of a file that is whole: as long as it says, with the checksum that it had when it was written.
inline SessionHeader read_session_header(std::span<const std::byte> bytes) {
  SessionHeader header;
  const std::size_t compared = std::min(bytes.size(), sizeof header.magic);
  if (compared == 0 || std::memcmp(bytes.data(), session_magic.data(), compared) != 0)
    fail(ErrorCode::magic, "it is none: it does not start with \"", session_magic, "\"");
  std::uint64_t checksum;
  const bool has_header = bytes.size() >= sizeof header + sizeof checksum;
  if (has_header) std::memcpy(&header, bytes.data(), sizeof header);
  if (has_header && header.version != session_version)
    fail(ErrorCode::version, "expected version ", session_version, ", found ", header.version,
         "; another version of linnet saved it: compute the conversation again");
  if (!has_header || header.file_bytes != bytes.size())
    fail(ErrorCode::truncated, "expected ", has_header ? header.file_bytes : sizeof header + sizeof checksum,
         " bytes, the file has ", bytes.size(),
         "; it is cut short or damaged: compute the conversation again");
  const auto summed = bytes.first(bytes.size() - sizeof checksum);
  std::memcpy(&checksum, bytes.data() + summed.size(), sizeof checksum);
  Checksum sum;
  sum.add(summed);
  if (sum.value() != checksum)
    fail(ErrorCode::io, "its checksum does not fit; the file is damaged: compute the conversation again");
  return header;
}

inline void check_session_belongs(const SessionHeader& header, const Engine& engine) {
  if (header.fingerprint != session_fingerprint(engine))
    fail(ErrorCode::invalid_argument, "it was saved with another model or other adapters; load those first");
  if (header.cache_type != static_cast<std::uint32_t>(engine.cache().type())) {
    const DTypeInfo* const type = find_dtype(header.cache_type);
    fail(ErrorCode::invalid_argument, "it was saved with a cache of type ", type ? type->name : "unknown",
         ", this session's is ", to_string(engine.cache().type()), "; use the same type");
  }
}

template <class T>
std::vector<T> read_session_array(gguf::detail::Cursor& cursor, std::uint64_t count, const char* what) {
  if (count > cursor.remaining() / sizeof(T))
    fail(ErrorCode::bad_model, "it says that it holds ", count, " ", what, ", and is too short for them");
  std::vector<T> values(count);
  if (count > 0) std::memcpy(values.data(), cursor.take(count * sizeof(T), {what}).data(), count * sizeof(T));
  return values;
}

inline void check_session_state(const SessionHeader& header, const SessionState& state, const Spec& spec) {
  const auto vocabulary = static_cast<std::uint64_t>(spec.vocabulary);
  const bool has_logits = header.logits != 0;
  if (header.computed > header.tokens ||
      (has_logits && (header.logits != vocabulary || header.computed == 0)) || header.long_factors > 1 ||
      header.layers != spec.layers.size())
    fail(ErrorCode::bad_model, "its counts contradict each other");
  for (Token token : state.tokens)
    if (token < 0 || token >= spec.vocabulary)
      fail(ErrorCode::bad_model, "token ", token, " is outside the vocabulary of ", spec.vocabulary);
  for (float logit : state.logits)
    if (std::isnan(logit)) fail(ErrorCode::bad_model, "a logit is no number");
}

}  // namespace detail

LINNET_INLINE void SessionFile::read(const Engine& engine) {
  const detail::SessionHeader header = detail::read_session_header(file_.bytes());
  detail::check_session_belongs(header, engine);
  gguf::detail::Cursor cursor(file_.bytes().first(file_.bytes().size() - sizeof(std::uint64_t)));
  cursor.take(sizeof header, {"header"});
  state_.tokens = detail::read_session_array<Token>(cursor, header.tokens, "tokens");
  state_.logits = detail::read_session_array<float>(cursor, header.logits, "logits");
  detail::check_session_state(header, state_, engine.model().spec());
  state_.computed = static_cast<std::int64_t>(header.computed);
  state_.long_factors = header.long_factors != 0;
  const auto expected = detail::session_layers(engine.cache(), header.layers, state_.computed);
  for (const detail::SessionLayer& own : expected) {
    const auto found = detail::read_session_array<detail::SessionLayer>(cursor, 1, "layers")[0];
    // A session with a shorter context may keep pages that a window would have dropped, never fewer.
    if (found.page_bytes != own.page_bytes || found.first_page < 0 || found.first_page > own.first_page ||
        found.pages != own.first_page + own.pages - found.first_page)
      fail(ErrorCode::bad_model, "the pages of its layers are not those of this model");
    layers_.push_back({found.first_page, found.page_bytes,
                       cursor.take(static_cast<std::uint64_t>(found.pages * found.page_bytes), {"pages"})});
  }
  if (cursor.remaining() > 0) fail(ErrorCode::bad_model, "it is longer than what it holds");
}

LINNET_INLINE std::span<const std::byte> SessionFile::keys_and_values(std::int64_t layer,
                                                                      std::int64_t page) const {
  const Layer& from = layers_[static_cast<std::size_t>(layer)];
  return from.pages.subspan(static_cast<std::size_t>((page - from.first_page) * from.page_bytes),
                            static_cast<std::size_t>(from.page_bytes));
}

}  // namespace linnet
