// checksum_test.cpp - the same bytes in any pieces, and every small change noticed.
#include <set>
#include <string>

#include <gtest/gtest.h>
#include <linnet/base/checksum.hpp>

namespace linnet::checksum_test {
namespace {

std::uint64_t sum_of(std::string_view text) {
  Checksum sum;
  sum.add(text);
  return sum.value();
}

TEST(Checksum, PiecesDoNotCount) {
  const std::string text = "the quick brown fox jumps over the lazy dog";
  for (std::size_t piece = 1; piece < text.size(); ++piece) {
    Checksum sum;
    for (std::size_t at = 0; at < text.size(); at += piece) sum.add(std::string_view(text).substr(at, piece));
    EXPECT_EQ(sum.value(), sum_of(text)) << piece;
    EXPECT_EQ(sum.value(), sum_of(text)) << "asking changes nothing";
  }
}

TEST(Checksum, EveryBitAndLengthCounts) {
  std::set<std::uint64_t> seen;
  std::string text(40, '\0');
  for (std::size_t length = 0; length <= text.size(); ++length)
    EXPECT_TRUE(seen.insert(sum_of(std::string_view(text).substr(0, length))).second) << length;
  for (std::size_t bit = 0; bit < 8 * text.size(); ++bit) {
    text[bit / 8] = static_cast<char>(1 << bit % 8);
    EXPECT_TRUE(seen.insert(sum_of(text)).second) << bit;
    text[bit / 8] = 0;
  }
}

}  // namespace
}  // namespace linnet::checksum_test
