// runtime/session_file.hpp - a conversation in a file: tokens, keys and values, last logits. Never computes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include <linnet/base/config.hpp>
#include <linnet/base/mapped_file.hpp>
#include <linnet/model/engine.hpp>
#include <linnet/text/token.hpp>

namespace linnet {

/// What a saved conversation holds beside its keys and values.
struct SessionState {
  std::vector<Token> tokens;
  std::int64_t computed = 0;  // how many of them, from the first, have keys and values
  std::vector<float> logits;  // after the last of those: [vocabulary], or none
  bool long_factors = false;  // which factors rotated the keys; see Engine::uses_long_factors()
};

/// Writes a sequence's keys and values, and what belongs to them. The file appears whole or not at all.
/// Layout, little-endian: a SessionHeader, the tokens (i32), the logits (f32), for each layer a
/// SessionLayer and its pages as KvCache::keys_and_values() gives them, and the checksum of all this (u64).
/// @throws Error(io).
void write_session(const std::filesystem::path& path, const SessionState& state, const Engine& engine,
                   SequenceId sequence);

/// A file of write_session(), checked whole: what it says against the file's size and the engine that is to
/// go on with it, its bytes against their checksum.
class SessionFile {
 public:
  /// @throws Error: those of MappedFile::open(); magic, version, truncated, and io for a checksum that does
  /// not fit; invalid_argument for a session of another model, other adapters or another type of cache;
  /// bad_model for contents that write_session() does not write.
  SessionFile(const std::filesystem::path& path, const Engine& engine);

  const SessionState& state() const noexcept { return state_; }
  /// @pre the engine's cache keeps this page for a sequence of state().computed tokens.
  std::span<const std::byte> keys_and_values(std::int64_t layer, std::int64_t page) const;

 private:
  struct Layer {
    std::int64_t first_page, page_bytes;
    std::span<const std::byte> pages;
  };

  void read(const Engine& engine);

  MappedFile file_;
  SessionState state_;
  std::vector<Layer> layers_;
};

namespace detail {

struct SessionHeader {
  char magic[8];
  std::uint32_t version;
  std::uint32_t cache_type;   // a DType
  std::uint64_t fingerprint;  // of the model and its adapters
  std::uint64_t file_bytes;
  std::uint64_t tokens, computed, logits;  // as in SessionState
  std::uint32_t long_factors;
  std::uint32_t layers;
};
static_assert(sizeof(SessionHeader) == 64);

/// Before a layer's pages.
struct SessionLayer {
  std::int64_t first_page;  // those before it no later token can see
  std::int64_t pages;
  std::int64_t page_bytes;
};

}  // namespace detail

}  // namespace linnet

#ifdef LINNET_HEADER_ONLY
#include <linnet/runtime/session_file.ipp>
#endif
