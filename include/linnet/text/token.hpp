// text/token.hpp - a token's id and kind. Never knows a vocabulary.
#pragma once

#include <cstdint>

namespace linnet {

/// An index into a vocabulary.
using Token = std::int32_t;

/// What a token is for; the values are those of the GGUF key tokenizer.ggml.token_type.
enum class TokenKind : std::uint8_t {
  normal = 1,    // a piece of text
  unknown,       // stands for text that the vocabulary cannot write
  control,       // steers the model: begin of text, end of turn; never the result of merging text
  user_defined,  // a piece of text that is found whole, before anything else is split
  unused,
  byte,  // one byte, written <0xHH>
};

}  // namespace linnet
