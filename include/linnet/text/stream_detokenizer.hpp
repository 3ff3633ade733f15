// text/stream_detokenizer.hpp - tokens to text while they arrive. Never gives out part of a character.
#pragma once

#include <string>
#include <string_view>

#include <linnet/base/config.hpp>
#include <linnet/text/tokenizer.hpp>
#include <linnet/text/utf8.hpp>

namespace linnet {

/// Turns tokens into text, one by one. The pieces of push() and finish() joined are Tokenizer::decode of all
/// tokens.
class StreamDetokenizer {
 public:
  /// `tokenizer` must outlive this object.
  explicit StreamDetokenizer(const Tokenizer& tokenizer, const DecodeOptions& options = {});

  /// The characters that this token completes; often none. Valid until the next call. At most three bytes are
  /// held back: the start of a character. Errors: invalid_argument for a token outside the vocabulary; the
  /// object is then unchanged.
  std::string_view push(Token token);

  /// What is left: U+FFFD where the tokens ended within a character. Then the object is as new.
  std::string_view finish();

 private:
  const Tokenizer* tokenizer_;
  DecodeOptions options_;
  Utf8Repair repair_;
  std::string text_;
  bool at_prefix_;  // a space that comes next is the one that encoding adds
};

}  // namespace linnet

#ifdef LINNET_HEADER_ONLY
#include <linnet/text/stream_detokenizer.ipp>
#endif
