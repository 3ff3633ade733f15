// output_file_test.cpp - a file appears whole under its name, or not at all.
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <linnet/base/output_file.hpp>
#include <linnet/base/printable.hpp>
#include <support/expect_error.hpp>
#include <support/temporary_folder.hpp>

namespace linnet::output_file_test {
namespace {

using tests::TemporaryFolder;

TEST(OutputFile, HasItsNameOnlyAfterCommit) {
  const TemporaryFolder folder;
  OutputFile file(folder / "x");
  file.append(std::as_bytes(std::span("abc", 3)));
  file.append_zeros(2);
  EXPECT_EQ(file.size(), 5u);
  EXPECT_EQ(folder.names(), std::vector<std::string>{"x.part"});
  file.commit();
  EXPECT_EQ(folder.names(), std::vector<std::string>{"x"});
  EXPECT_EQ(tests::read_file(folder / "x"), std::string("abc\0\0", 5));
}

TEST(OutputFile, LeavesNothingWithoutCommit) {
  const TemporaryFolder folder;
  { OutputFile(folder / "x").append_zeros(3 << 20); }
  EXPECT_TRUE(folder.names().empty());
}

TEST(OutputFile, PiecesOfAnySizeArriveInOrder) {
  const TemporaryFolder folder;
  std::mt19937 random(1);
  std::string wanted;
  OutputFile file(folder / "x");
  for (const std::size_t size : {1u, 4096u, 1u << 20, 3u, (1u << 20) - 1, 2u, 3u << 20, 0u, 7u}) {
    std::string piece(size, ' ');
    for (char& c : piece) c = static_cast<char>(random());
    file.append(std::as_bytes(std::span(piece)));
    wanted += piece;
  }
  file.commit();
  EXPECT_TRUE(tests::read_file(folder / "x") == wanted);
}

TEST(Printable, KeepsErrorsOnOneLine) {
  EXPECT_EQ(in_quotes("plain text"), "'plain text'");
  EXPECT_EQ(in_quotes("a\nb\x7f\xc3\xa9"), "'a\\x0ab\\x7f\\xc3\\xa9'");
  EXPECT_EQ(in_quotes(std::string(81, 'x')), "'" + std::string(80, 'x') + "...'");
  EXPECT_EQ(path_in_quotes("/a\nb/\xc3\xa9"), "'/a\\x0ab/\xc3\xa9'");
  EXPECT_EQ(path_in_quotes(std::string(200, 'x')), "'" + std::string(200, 'x') + "'");
}

}  // namespace
}  // namespace linnet::output_file_test
