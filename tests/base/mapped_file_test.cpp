// mapped_file_test.cpp - mapped bytes are the file's, hints change nothing, and what cannot be mapped says
// why.
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <linnet/base/mapped_file.hpp>
#include <support/expect_error.hpp>
#include <support/temporary_folder.hpp>

namespace linnet::mapped_file_test {
namespace {

using tests::TemporaryFolder;

std::string text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

TEST(MappedFile, HoldsTheBytes) {
  const TemporaryFolder folder;
  tests::write_file(folder / "x", "some bytes");
  MappedFile file = MappedFile::open(folder / "x");
  EXPECT_EQ(text_of(file), "some bytes");
  MappedFile moved = std::move(file);
  EXPECT_EQ(text_of(moved), "some bytes");
  EXPECT_TRUE(file.bytes().empty());
  std::filesystem::remove(folder / "x");
  EXPECT_EQ(text_of(moved), "some bytes");
}

TEST(MappedFile, AnEmptyFileIsEmptyBytes) {
  const TemporaryFolder folder;
  tests::write_file(folder / "x", "");
  EXPECT_TRUE(MappedFile::open(folder / "x").bytes().empty());
}

TEST(MappedFile, HintsKeepTheBytes) {
  const TemporaryFolder folder;
  std::string bytes(1 << 20, ' ');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 31 >> 7);
  tests::write_file(folder / "x", bytes);
  const MappedFile file = MappedFile::open(folder / "x");
  for (const Access access : {Access::normal, Access::sequential, Access::random, Access::soon})
    file.advise(access, 100, 500'000);
  EXPECT_EQ(text_of(file), bytes);
  file.drop(100, 500'000);
  file.drop(0, UINT64_MAX);  // beyond the end is cut
  file.drop(UINT64_MAX, 1);
  EXPECT_EQ(text_of(file), bytes);
}

TEST(MappedFile, SaysWhatCannotBeMapped) {
  const TemporaryFolder folder;
  tests::expect_error(ErrorCode::io, "missing': No such file", [&] { MappedFile::open(folder / "missing"); });
  tests::expect_error(ErrorCode::io, "is a directory", [&] { MappedFile::open(folder.path()); });
  tests::expect_error(ErrorCode::io, "device", [&] { MappedFile::open("/dev/null"); });
}

TEST(MappedFile, SaysThatTheAddressSpaceIsLimited) {
  const TemporaryFolder folder;
  tests::write_file(folder / "x", "");
  std::filesystem::resize_file(folder / "x", std::uintmax_t{4} << 30);  // takes no room on disk
  rlimit before = {};
  getrlimit(RLIMIT_AS, &before);
  std::uint64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  if (pages == 0) GTEST_SKIP() << "no /proc/self/statm to learn this process's size from";
  const rlimit lowered{pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)) + (1u << 30),
                       before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_AS, &lowered), 0);
  tests::expect_error(ErrorCode::out_of_memory, "ulimit -v", [&] { MappedFile::open(folder / "x"); });
  setrlimit(RLIMIT_AS, &before);
}

}  // namespace
}  // namespace linnet::mapped_file_test
