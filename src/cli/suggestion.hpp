// cli/suggestion.hpp - which of the words that there are somebody may have meant. Never decides for them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace linnet::cli {

/// The candidate that is nearest to a word that is none of them: one that begins it or that it begins
/// ("--temperature" for "--temp"), or one that few slips of the fingers turn into it. "" where none is near.
std::string nearest_word(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace linnet::cli
