// cli/suggestion.cpp - the bodies of suggestion.hpp.
#include "suggestion.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>

namespace linnet::cli {
namespace {

/// The fewest characters to put in, take out, replace, or exchange with their neighbour.
std::size_t slips_between(std::string_view a, std::string_view b) {
  // Rows of the table of the distances between the beginnings of a and those of b.
  std::vector<std::size_t> before_last, last(b.size() + 1), row(b.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    before_last = last;
    last = row;
  }
  return last[b.size()];
}

std::string_view without_dashes(std::string_view word) {
  return word.substr(std::min(word.size(), word.find_first_not_of('-')));
}

}  // namespace

std::string nearest_word(std::string_view word, const std::vector<std::string>& candidates) {
  constexpr std::size_t prefix_length = 3;  // a shorter beginning says too little
  const std::string_view given = without_dashes(word);
  // Prefixes come before slips, and the one that lacks the least before others.
  const auto distance = [&](std::string_view candidate) -> std::size_t {
    const std::string_view name = without_dashes(candidate);
    const std::size_t shared = std::min(given.size(), name.size());
    const std::size_t slips = slips_between(given, name);
    if (shared >= prefix_length && given.substr(0, shared) == name.substr(0, shared)) return slips;
    constexpr std::size_t any_prefix = 100, never = 1000;
    return 3 * slips <= std::max(given.size(), name.size()) && slips < shared ? any_prefix + slips : never;
  };
  std::string best;
  std::size_t least = 1000;
  for (const std::string& candidate : candidates) {
    const std::size_t now = distance(candidate);
    if (now >= least) continue;
    least = now;
    best = candidate;
  }
  return best;
}

}  // namespace linnet::cli
