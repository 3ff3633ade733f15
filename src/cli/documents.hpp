// cli/documents.hpp - a text as the documents whose tokens are scored. Never scores.
#pragma once

#include <string_view>
#include <vector>

#include <linnet/model/model.hpp>

#include "lines.hpp"

namespace linnet::cli {

/// The tokens, without BOS and EOS, of a text, or of each of its lines that is not empty.
inline std::vector<std::vector<Token>> encode_documents(const Model& model, std::string_view text,
                                                        bool by_line) {
  constexpr EncodeOptions plain = {.add_special = false, .parse_special = false};
  if (!by_line) return {model.tokenizer().encode(text, plain)};
  std::vector<std::vector<Token>> documents;
  for (const std::string_view line : filled_lines(text))
    documents.push_back(model.tokenizer().encode(line, plain));
  return documents;
}

}  // namespace linnet::cli
