// cli/json_text.hpp - JSON as text. Never fails over bytes that are no UTF-8.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace linnet::cli {

using Json = nlohmann::ordered_json;

/// `json` in one line, or indented by that many spaces. Bytes that are no UTF-8 become U+FFFD.
std::string dump(const Json& json, int indent = -1);

}  // namespace linnet::cli
