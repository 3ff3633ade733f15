// utf8_test.cpp - code points, and the repair of broken text however it is cut.
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include <linnet/text/utf8.hpp>

namespace linnet::utf8_test {
namespace {

using namespace std::string_view_literals;

TEST(Utf8, ReadsWhatItWrites) {
  for (char32_t value = 0; value <= 0x10ffff; value += value < 0x3000 ? 1 : 37) {
    if (value >= 0xd800 && value < 0xe000) continue;
    std::string text = "x";
    append_utf8(text, value);
    const CodePoint point = read_code_point(text, 1);
    ASSERT_TRUE(point.valid) << std::uint32_t{value};
    ASSERT_EQ(point.value, value);
    ASSERT_EQ(point.length + 1u, text.size());
  }
}

TEST(Utf8, ReadsBrokenSequencesByteByByte) {
  for (const std::string_view text :
       {"\x80"sv, "\xc0\x80"sv, "\xc1\xbf"sv, "\xe0\x80\x80"sv, "\xed\xa0\x80"sv, "\xf0\x80\x80\x80"sv,
        "\xf4\x90\x80\x80"sv, "\xf5\x80\x80\x80"sv, "\xff"sv, "\xe2\x82"sv, "\xe2\x28\xa1"sv}) {
    const CodePoint point = read_code_point(text, 0);
    EXPECT_FALSE(point.valid);
    EXPECT_EQ(point.length, 1);
    EXPECT_EQ(point.value, static_cast<unsigned char>(text[0]));
  }
}

// Right sides: what Python's bytes.decode(errors="replace") gives.
const std::pair<std::string_view, std::string_view> repairs[] = {
    {"plain \xc3\xa9 \xf0\x9f\xa6\x99", "plain \xc3\xa9 \xf0\x9f\xa6\x99"},
    {"\x80", "\ufffd"},
    {"a\xe2\x82", "a\ufffd"},
    {"\xe2\x82z", "\ufffdz"},
    {"\xf0\x9f\xa6\xf0\x9f\xa6\x99", "\ufffd\xf0\x9f\xa6\x99"},
    {"\xed\xa0\x80", "\ufffd\ufffd\ufffd"},
    {"\xc0\xaf", "\ufffd\ufffd"},
    {"\xf4\x90\x80\x80", "\ufffd\ufffd\ufffd\ufffd"},
    {"\xf0\x80", "\ufffd\ufffd"},
    {"\xe0\xa4\xe0\xa4\xb9\xff", "\ufffd\xe0\xa4\xb9\ufffd"},
};

TEST(Utf8, RepairsBrokenTextHoweverItIsCut) {
  for (const auto& [bytes, expected] : repairs) {
    for (std::size_t first = 0; first <= bytes.size(); ++first) {
      for (std::size_t second = first; second <= bytes.size(); ++second) {
        Utf8Repair repair;
        std::string out;
        repair.append(out, bytes.substr(0, first));
        repair.append(out, bytes.substr(first, second - first));
        repair.append(out, bytes.substr(second));
        repair.finish(out);
        EXPECT_EQ(out, expected) << "cut at " << first << " and " << second;
      }
    }
  }
}

TEST(Utf8, HoldsBackNoMoreThanAnUnfinishedCharacter) {
  Utf8Repair repair;
  std::string out;
  repair.append(out, "a\xf0\x9f");
  EXPECT_EQ(out, "a");
  repair.append(out, "\xa6");
  EXPECT_EQ(out, "a");
  repair.append(out, "\x99");
  EXPECT_EQ(out, "a\xf0\x9f\xa6\x99");
  repair.finish(out);
  EXPECT_EQ(out.size(), 5u);
}

}  // namespace
}  // namespace linnet::utf8_test
