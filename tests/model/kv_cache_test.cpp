// kv_cache_test.cpp - pages, sharing, windows, room and prefixes of KvCache, case by case.
#include <set>

#include <model/checked_cache.hpp>
#include <support/expect_error.hpp>

namespace linnet::kv_cache_test {
namespace {

using namespace tests;

TEST(KvCache, AForkSharesUntilItWrites) {
  CheckedCache checked({0}, options_of(96, 2, 96));
  const SequenceId first = checked.create();
  checked.append(first, text_of(40, 0));
  const SequenceId second = checked.fork(first);
  EXPECT_EQ(checked.cache().pages(first, 0), checked.cache().pages(second, 0));
  checked.append(second, text_of(1, 1));
  const auto a = checked.cache().pages(first, 0), b = checked.cache().pages(second, 0);
  EXPECT_EQ(a[0], b[0]) << "full pages stay shared";
  EXPECT_NE(a[1], b[1]) << "the last was copied";
  checked.append(first, text_of(1, 0));
  EXPECT_EQ(checked.cache().pages(first, 0), a) << "its page is its own again";
  checked.check_all();
}

TEST(KvCache, ForksThatGrowTogetherNeedOneCopyLess) {
  CheckedCache checked({0}, options_of(64, 2, 64));  // three pages
  const SequenceId first = checked.create();
  checked.append(first, text_of(40, 0));
  const SequenceId second = checked.fork(first);
  // One of the two copies the half-full page; the other then has it alone.
  const KvCache::Growth growths[] = {{.sequence = first, .tokens = 1}, {.sequence = second, .tokens = 1}};
  EXPECT_TRUE(checked.cache().has_room(growths));
  EXPECT_TRUE(checked.append(first, text_of(1, 1)));
  EXPECT_TRUE(checked.append(second, text_of(1, 0)));
  checked.check_all();
  const KvCache::Growth more[] = {{.sequence = first, .tokens = 24}};
  EXPECT_FALSE(checked.cache().has_room(more));
  EXPECT_FALSE(checked.cache().has_room(first, 24));
  EXPECT_TRUE(checked.cache().has_room(first, 23));
}

TEST(KvCache, StartingOverCountsWhatOthersStillHold) {
  CheckedCache checked({0}, options_of(128, 2, 128));  // five pages
  const SequenceId first = checked.create();
  checked.append(first, text_of(96, 0));
  const KvCache::Growth over[] = {{.sequence = first, .tokens = 110, .start_over = true}};
  EXPECT_TRUE(checked.cache().has_room(over)) << "its own three pages come back";
  const SequenceId second = checked.fork(first);
  EXPECT_FALSE(checked.cache().has_room(over)) << "the fork holds them";
  const KvCache::Growth both[] = {{.sequence = first, .tokens = 97, .start_over = true},
                                  {.sequence = second, .tokens = 20, .start_over = true}};
  EXPECT_TRUE(checked.cache().has_room(both)) << "nobody holds them: 4 + 1 pages";
}

TEST(KvCache, AppendIsAllOrNothing) {
  CheckedCache checked({0, 20}, options_of(64, 1, 64));
  const SequenceId id = checked.create();
  checked.append(id, text_of(50, 0));
  expect_error(ErrorCode::context_full, "64", [&] { checked.cache().append(id, text_of(15, 0)); });
  EXPECT_EQ(checked.cache().length(id), 50);
  checked.check_all();
  EXPECT_TRUE(checked.append(id, text_of(14, 0)));
}

TEST(KvCache, WindowsGiveTheirPagesBack) {
  CheckedCache checked({40}, options_of(4096, 1, 32));
  const std::int64_t bytes = checked.cache().bytes();
  EXPECT_EQ(bytes, (3 + 2) * page_length * 2 * 4 * 4)
      << "window and batch in whole pages, and two at the ends";
  const SequenceId id = checked.create();
  EXPECT_TRUE(checked.append(id, text_of(1000, 3)));
  const auto pages = checked.cache().pages(id, 0);
  const auto held =
      std::count_if(pages.begin(), pages.end(), [](const std::byte* page) { return page != nullptr; });
  EXPECT_EQ(held, (1000 - 1) / page_length - (1000 - 39) / page_length + 1);
  EXPECT_EQ(checked.cache().earliest_truncation(id), (1000 - 39) / page_length * page_length + 39);
}

TEST(KvCache, TruncationStopsAtWhatWindowsDropped) {
  CheckedCache checked({0, 40}, options_of(512, 1, 512));
  const SequenceId id = checked.create();
  checked.append(id, text_of(100, 0));
  EXPECT_EQ(checked.cache().earliest_truncation(id), 32 + 39);
  expect_error(ErrorCode::invalid_argument, "71", [&] { checked.cache().truncate(id, 70); });
  EXPECT_EQ(checked.cache().length(id), 100);
  checked.truncate(id, 71);
  checked.check_all();
  EXPECT_TRUE(checked.append(id, text_of(10, 1)));
  for (const std::int64_t length : {-1, 82, 1000})
    expect_error(ErrorCode::invalid_argument, "truncate", [&] { checked.cache().truncate(id, length); });
  checked.truncate(id, 0);
  EXPECT_EQ(checked.cache().earliest_truncation(id), 0);
}

// All layers have a window, and the cache is smaller than window and batch: what is promised must hold.
TEST(KvCache, ARoomThatIsPromisedIsThere) {
  CheckedCache checked({200}, options_of(256, 1, 64));
  const SequenceId id = checked.create();
  EXPECT_FALSE(checked.append(id, text_of(300, 0)));
  EXPECT_EQ(checked.cache().length(id), 0);
  EXPECT_TRUE(checked.append(id, text_of(256, 0)));
}

TEST(KvCache, SequencesAreLimitedAndNeverSharedById) {
  CheckedCache checked({0}, options_of(64, 2, 8));
  const SequenceId first = checked.create();
  checked.create();
  expect_error(ErrorCode::context_full, "2", [&] { checked.cache().create(); });
  expect_error(ErrorCode::context_full, "2", [&] { checked.cache().fork(first); });
  checked.remove(first);
  EXPECT_NE(checked.create(), first);
  for (const SequenceId id : {SequenceId{0}, SequenceId{-1}, first, SequenceId{99}}) {
    expect_error(ErrorCode::invalid_argument, "sequence", [&] { checked.cache().length(id); });
    expect_error(ErrorCode::invalid_argument, "sequence", [&] { checked.cache().fork(id); });
  }
}

TEST(Prefixes, OfWholePagesAreFoundButNeverTheLastToken) {
  CheckedCache checked({0}, options_of(512, 3, 512));
  const SequenceId first = checked.create();
  checked.append(first, text_of(100, 1));
  const SequenceId second = checked.create();
  EXPECT_EQ(checked.adopt(second, text_of(100, 1)), 96);
  checked.check_all();
  checked.remove(second);
  for (const auto& [length, same_pages, expected] : {std::tuple{96, 1, 64},
                                                     {97, 1, 96},
                                                     {33, 1, 32},
                                                     {32, 1, 0},
                                                     {1, 1, 0},
                                                     {0, 0, 0},
                                                     {200, 1, 96},
                                                     {100, 2, 32},
                                                     {100, 0, 0}}) {
    const SequenceId id = checked.create();
    EXPECT_EQ(checked.adopt(id, text_of(length, same_pages)), expected) << length << ", " << same_pages;
    checked.check_all();
    checked.remove(id);
  }
}

TEST(Prefixes, OutliveTheirSequenceUntilTheirMemoryIsNeeded) {
  CheckedCache checked({0}, options_of(128, 1, 128));  // four pages
  const SequenceId first = checked.create();
  checked.append(first, text_of(100, 0));
  checked.remove(first);
  const SequenceId second = checked.create();
  EXPECT_EQ(checked.adopt(second, text_of(100, 0)), 96);
  checked.remove(second);
  const SequenceId third = checked.create();
  checked.append(third, text_of(33, 2, 5));  // takes the free page, and the end of the prefix
  checked.remove(third);
  const SequenceId fourth = checked.create();
  EXPECT_EQ(checked.adopt(fourth, text_of(100, 0)), 64) << "the start of a prefix waits longest";
  checked.check_all();
  checked.remove(fourth);
  const SequenceId fifth = checked.create();
  checked.append(fifth, text_of(128, 0, 7));
  checked.remove(fifth);
  EXPECT_EQ(checked.adopt(checked.create(), text_of(100, 0)), 0);
}

TEST(Prefixes, ThatWereOverwrittenAreNotFound) {
  CheckedCache checked({0}, options_of(512, 2, 512));
  const SequenceId first = checked.create();
  checked.append(first, text_of(64, 0));
  checked.truncate(first, 40);
  const SequenceId second = checked.create();
  EXPECT_EQ(checked.adopt(second, text_of(70, 0)), 64) << "nothing has been written over it yet";
  checked.check_all();
  checked.remove(second);
  checked.append(first, text_of(30, 0, 9));
  const SequenceId third = checked.create();
  EXPECT_EQ(checked.adopt(third, text_of(70, 0)), 32);
  checked.check_all();
}

TEST(Prefixes, NeedTheWindowBeforeTheirEnd) {
  CheckedCache checked({0, 40}, options_of(512, 2, 512));
  const SequenceId first = checked.create();
  checked.append(first, text_of(300, 0));
  const SequenceId second = checked.create();
  const std::int64_t adopted = checked.adopt(second, text_of(290, 0));
  EXPECT_EQ(adopted, 288);
  checked.check_all();
  EXPECT_TRUE(checked.append(second, text_of(50, 0)));
}

TEST(Prefixes, AreAdoptedByEmptySequencesAlone) {
  CheckedCache checked({0}, options_of(512, 2, 512));
  const SequenceId first = checked.create(), second = checked.create();
  checked.append(first, text_of(64, 0));
  checked.append(second, text_of(3, 0));
  EXPECT_EQ(checked.cache().adopt_prefix(second, text_of(64, 0)), 3);
  checked.check_all();
}

}  // namespace
}  // namespace linnet::kv_cache_test
