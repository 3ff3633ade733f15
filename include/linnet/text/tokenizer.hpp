// text/tokenizer.hpp - text to tokens and back, for both kinds of vocabularies. Never runs a model.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <linnet/base/config.hpp>
#include <linnet/gguf/metadata.hpp>
#include <linnet/text/byte_level_bpe.hpp>
#include <linnet/text/pre_tokenizer.hpp>
#include <linnet/text/sentence_piece.hpp>
#include <linnet/text/special_tokens.hpp>
#include <linnet/text/vocabulary.hpp>

namespace linnet {

struct EncodeOptions {
  bool add_special = true;    // BOS before and EOS after, by the file's rule
  bool parse_special = true;  // control tokens written in the text become tokens; false: they are text
  bool goes_on = false;       // the text is a beginning, which a model will continue: no EOS
  /// Where in the text, ascending, control tokens may begin, whatever parse_special says; none: anywhere.
  std::optional<std::vector<std::size_t>> control_at = std::nullopt;
};

struct DecodeOptions {
  bool special = false;    // write the texts of control tokens, too
  bool continues = false;  // the tokens go on after text: the space that the first begins with is text
};

/// How a vocabulary splits text.
enum class TokenizerModel : std::uint8_t {
  sentence_piece,  // tokenizer.ggml.model "llama"
  byte_level_bpe,  // tokenizer.ggml.model "gpt2"
};

/// What a Tokenizer is made of, beside its Vocabulary.
struct TokenizerData {
  TokenizerModel model = TokenizerModel::sentence_piece;
  // SentencePiece only:
  bool add_space_prefix = true;  // put a space before a text, and before what follows a special token
  // Byte-level BPE only:
  std::string pre_tokenizer = "default";  // a name of pre_tokenizers (text/pre_tokenizer.hpp)
  std::vector<std::string> merges = {};   // "left right", by rank
};

/// Text to tokens and back. Immutable: any number of threads may use one. Movable.
///
/// What the user-defined tokens of a vocabulary say is found in the text first, the longest at the leftmost
/// place, then (unless parse_special is false) the control tokens; what is between them is split by
/// SentencePiece or byte-level BPE. Text never becomes a control token in any other way. Bytes that are no
/// UTF-8 are encoded as bytes. Text is put in Unicode's normal form C where the vocabulary's makers did so
/// (the pre-tokenizer "qwen2"), and otherwise taken as it is.
///
/// The space that SentencePiece puts before a text (add_space_prefix) belongs to the encoding, not to the
/// text: decoding drops one space at the start, and after each control or user-defined token, so that
/// decode(encode(text)) == text for every text that is valid UTF-8 (and in that normal form), holds no
/// U+2581, and whose special tokens strip no whitespace. Where the tokens go on after other text (a model's
/// continuation of a prompt), set DecodeOptions::continues.
class Tokenizer {
 public:
  using EncodeOptions = linnet::EncodeOptions;
  using DecodeOptions = linnet::DecodeOptions;

  /// Reads the tokenizer.ggml.* keys. Errors: those of Vocabulary::from_metadata; bad_model, naming the key,
  /// for a merge that is no pair and a byte token that is not <0xHH>. Cost: some 100 ms for 128k tokens.
  static Tokenizer from_metadata(const gguf::Metadata& metadata);

  /// As from_metadata, from plain data.
  Tokenizer(Vocabulary vocabulary, const TokenizerData& data);

  const Vocabulary& vocabulary() const noexcept { return vocabulary_; }
  TokenizerModel model() const noexcept {
    return std::holds_alternative<SentencePiece>(splitter_) ? TokenizerModel::sentence_piece
                                                            : TokenizerModel::byte_level_bpe;
  }
  /// What is odd but not fatal, a line each: an unknown pre-tokenizer, merges that name no token.
  const std::vector<std::string>& warnings() const noexcept { return warnings_; }

  /// The tokens of a text; of an empty one, BOS and EOS where they are added. A text that spells out its BOS,
  /// as chat templates do, has two unless add_special is false. Errors: invalid_argument for a text of 1 GiB
  /// or more; bad_model for a byte that the vocabulary has no token for, if it has no unknown token. Cost:
  /// near linear in the length of the text, whatever it holds; no recursion.
  std::vector<Token> encode(std::string_view text, const EncodeOptions& options = {}) const;

  /// Where control tokens are written in a text: the first byte of each, and that after it.
  std::vector<std::pair<std::size_t, std::size_t>> find_control(std::string_view text) const;

  /// The text of tokens, always valid UTF-8: each broken sequence of bytes is one U+FFFD.
  /// Errors: invalid_argument for a token outside the vocabulary.
  std::string decode(std::span<const Token> tokens, const DecodeOptions& options = {}) const;

  /// The bytes of one token as it stands within a text; may be part of a character. Empty for control tokens
  /// unless options.special. Errors: invalid_argument for a token outside the vocabulary.
  std::string piece(Token token, const DecodeOptions& options = {}) const;

  /// Whether encoding puts a space before a text (and decoding drops it).
  bool adds_space_prefix() const noexcept;

 private:
  Vocabulary vocabulary_;
  std::vector<std::string> warnings_;
  SpecialTokens special_tokens_;
  std::variant<SentencePiece, ByteLevelBpe> splitter_;
};

}  // namespace linnet

#ifdef LINNET_HEADER_ONLY
#include <linnet/text/stream_detokenizer.hpp>
#include <linnet/text/tokenizer.ipp>
#endif
