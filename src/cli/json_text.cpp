// json_text.cpp - JSON as text: compiled here alone, because that takes seconds. Never prints.
#include "json_text.hpp"

namespace linnet::cli {

std::string dump(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace linnet::cli
