// text/tokenizer.ipp - the bodies of text/tokenizer.hpp, but decode(), which is in stream_detokenizer.ipp.
#pragma once

#include <algorithm>
#include <utility>

#include <linnet/base/printable.hpp>
#include <linnet/text/tokenizer.hpp>

namespace linnet {
namespace detail {

inline const PreTokenizer& choose_pre_tokenizer(std::string_view name, std::vector<std::string>& warnings) {
  if (const PreTokenizer* found = find_pre_tokenizer(name)) return *found;
  warnings.push_back(
      name.empty()
          ? concat("tokenizer.ggml.pre is missing; words are cut as by \"default\", which may not be ",
                   "how the model was trained")
          : concat("tokenizer.ggml.pre: ", in_quotes(name), " is unknown; words are cut as by \"default\", ",
                   "which may not be how the model was trained"));
  return *find_pre_tokenizer("default");
}

inline std::variant<SentencePiece, ByteLevelBpe> make_splitter(const Vocabulary& vocabulary,
                                                               const TokenizerData& data,
                                                               std::vector<std::string>& warnings) {
  if (data.model == TokenizerModel::sentence_piece) return SentencePiece(vocabulary, data.add_space_prefix);
  const std::vector<std::string_view> merges(data.merges.begin(), data.merges.end());
  return ByteLevelBpe(vocabulary, choose_pre_tokenizer(data.pre_tokenizer, warnings), merges, warnings);
}

}  // namespace detail

LINNET_INLINE Tokenizer Tokenizer::from_metadata(const gguf::Metadata& metadata) {
  Vocabulary vocabulary = Vocabulary::from_metadata(metadata);
  TokenizerData data;
  if (metadata.text("tokenizer.ggml.model") == "gpt2") {
    data.model = TokenizerModel::byte_level_bpe;
    data.pre_tokenizer = metadata.text("tokenizer.ggml.pre", "");
    for (const std::string_view merge : metadata.texts("tokenizer.ggml.merges"))
      data.merges.emplace_back(merge);
  }
  data.add_space_prefix = metadata.boolean("tokenizer.ggml.add_space_prefix", true);
  return Tokenizer(std::move(vocabulary), data);
}

LINNET_INLINE Tokenizer::Tokenizer(Vocabulary vocabulary, const TokenizerData& data)
    : vocabulary_(std::move(vocabulary)),
      special_tokens_(vocabulary_, data.model == TokenizerModel::sentence_piece, warnings_),
      splitter_(detail::make_splitter(vocabulary_, data, warnings_)) {}

LINNET_INLINE bool Tokenizer::adds_space_prefix() const noexcept {
  const auto* sentence_piece = std::get_if<SentencePiece>(&splitter_);
  return sentence_piece != nullptr && sentence_piece->adds_space_prefix();
}

LINNET_INLINE std::vector<Token> Tokenizer::encode(std::string_view text,
                                                   const EncodeOptions& options) const {
  constexpr std::size_t limit = std::size_t{1} << 30;
  if (text.size() >= limit)
    fail(ErrorCode::invalid_argument, "a text of ", text.size(),
         " bytes cannot be tokenized at once; the limit is ", limit, ": pass it in parts");
  std::vector<Token> out;
  if (options.add_special && vocabulary_.adds_bos() && vocabulary_.bos()) out.push_back(*vocabulary_.bos());
  const auto encode_plain = [&](std::string_view plain) {
    if (plain.empty()) return;
    if (const auto* bpe = std::get_if<ByteLevelBpe>(&splitter_)) return bpe->encode(vocabulary_, plain, out);
    // Each stretch of plain text begins the text or follows a special token.
    const auto& sentence_piece = std::get<SentencePiece>(splitter_);
    sentence_piece.encode(vocabulary_,
                          sentence_piece.adds_space_prefix() ? concat(" ", plain) : std::string(plain), out);
  };
  std::size_t at = 0;
  const auto find = [&](std::size_t from) {
    return options.control_at ? special_tokens_.find(text, from, *options.control_at)
                              : special_tokens_.find(text, from, options.parse_special);
  };
  while (const auto match = find(at)) {
    encode_plain(text.substr(at, match->begin - at));
    out.push_back(match->token);
    at = match->end;
  }
  encode_plain(text.substr(at));
  const bool ends = options.add_special && !options.goes_on;
  if (ends && vocabulary_.adds_eos() && vocabulary_.eos()) out.push_back(*vocabulary_.eos());
  return out;
}

LINNET_INLINE std::vector<std::pair<std::size_t, std::size_t>> Tokenizer::find_control(
    std::string_view text) const {
  std::vector<std::pair<std::size_t, std::size_t>> places;
  std::size_t at = 0;
  while (const auto match = special_tokens_.find(text, at, true)) {
    if (vocabulary_.kind(match->token) != TokenKind::user_defined)
      places.emplace_back(match->begin, match->text_end);
    at = match->text_end;
  }
  return places;
}

LINNET_INLINE std::string Tokenizer::piece(Token token, const DecodeOptions& options) const {
  const TokenKind kind = vocabulary_.kind(token);
  if (kind == TokenKind::control || kind == TokenKind::unknown)
    return options.special ? std::string(vocabulary_.text(token)) : std::string();
  std::string out;
  std::visit([&](const auto& splitter) { splitter.append_piece(vocabulary_, token, out); }, splitter_);
  return out;
}

}  // namespace linnet
