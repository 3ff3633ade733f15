// cli/documents.hpp - a text as the documents whose tokens are scored. Never scores.
#pragma once

#include <algorithm>
#include <string_view>
#include <vector>

#include <linnet/model/model.hpp>

namespace linnet::cli {

/// The tokens, without BOS and EOS, of a text, or of each of its lines that is not empty.
inline std::vector<std::vector<Token>> encode_documents(const Model& model, std::string_view text,
                                                        bool by_line) {
  constexpr EncodeOptions plain = {.add_special = false, .parse_special = false};
  if (!by_line) return {model.tokenizer().encode(text, plain)};
  std::vector<std::vector<Token>> documents;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    if (!line.empty()) documents.push_back(model.tokenizer().encode(line, plain));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
  }
  return documents;
}

}  // namespace linnet::cli
