// text/stream_detokenizer.ipp - the bodies of text/stream_detokenizer.hpp, and Tokenizer::decode over them.
#pragma once

#include <linnet/text/stream_detokenizer.hpp>

namespace linnet {

LINNET_INLINE StreamDetokenizer::StreamDetokenizer(const Tokenizer& tokenizer, const DecodeOptions& options)
    : tokenizer_(&tokenizer),
      options_(options),
      at_prefix_(tokenizer.adds_space_prefix() && !options.continues) {}

LINNET_INLINE std::string_view StreamDetokenizer::push(Token token) {
  const TokenKind kind = tokenizer_->vocabulary().kind(token);
  const std::string piece = tokenizer_->piece(token, options_);
  std::string_view bytes = piece;
  if (kind == TokenKind::control || kind == TokenKind::user_defined) {
    at_prefix_ = tokenizer_->adds_space_prefix();
  } else if (!bytes.empty()) {
    if (at_prefix_ && kind != TokenKind::byte && bytes.front() == ' ') bytes.remove_prefix(1);
    at_prefix_ = false;
  }
  text_.clear();
  repair_.append(text_, bytes);
  return text_;
}

LINNET_INLINE std::string_view StreamDetokenizer::finish() {
  text_.clear();
  repair_.finish(text_);
  at_prefix_ = tokenizer_->adds_space_prefix() && !options_.continues;
  return text_;
}

LINNET_INLINE std::string Tokenizer::decode(std::span<const Token> tokens,
                                            const DecodeOptions& options) const {
  StreamDetokenizer stream(*this, options);
  std::string out;
  for (const Token token : tokens) out += stream.push(token);
  out += stream.finish();
  return out;
}

}  // namespace linnet
