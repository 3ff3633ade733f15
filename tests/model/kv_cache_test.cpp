// kv_cache_test.cpp - pages, sharing, windows and room of KvCache, without a model: each position's keys say
// which tokens they were made of.
#include <cstring>
#include <map>
#include <set>

#include <gtest/gtest.h>
#include <model/fixtures.hpp>
#include <support/expect_error.hpp>

namespace linnet::kv_cache_test {
namespace {

using namespace tests;

constexpr std::int64_t page_length = KvCache::page_length;

/// Layers with these windows, one head of four values each.
Spec spec_of(const std::vector<std::int64_t>& windows) {
  Spec spec;
  spec.head_dim = 4;
  for (std::int64_t window : windows)
    spec.layers.push_back({.heads = 1, .kv_heads = 1, .feed_forward = 1, .window = window});
  return spec;
}

/// A cache in the hands of a forward pass that writes, as the key of each position, a hash of all tokens up
/// to it, and beside it a list of tokens for each sequence: what the cache must hold.
class Checked {
 public:
  Checked(const std::vector<std::int64_t>& windows, const KvCacheOptions& options)
      : windows_(windows), options_(options), cache_(spec_of(windows), options) {}

  KvCache& cache() { return cache_; }
  const std::map<SequenceId, std::vector<Token>>& sequences() const { return sequences_; }

  SequenceId create() {
    const SequenceId id = cache_.create();
    EXPECT_TRUE(sequences_.emplace(id, std::vector<Token>()).second) << "an id is used again";
    return id;
  }
  SequenceId fork(SequenceId from) {
    const SequenceId id = cache_.fork(from);
    sequences_[id] = sequences_.at(from);
    return id;
  }
  void remove(SequenceId id) {
    cache_.remove(id);
    sequences_.erase(id);
  }
  void truncate(SequenceId id, std::int64_t length) {
    cache_.truncate(id, length);
    sequences_.at(id).resize(static_cast<std::size_t>(length));
  }
  std::int64_t adopt(SequenceId id, const std::vector<Token>& tokens) {
    const std::int64_t length = cache_.adopt_prefix(id, tokens);
    sequences_.at(id).assign(tokens.begin(), tokens.begin() + length);
    return length;
  }
  /// In pieces, as an engine does it. False where the cache says that there is no room.
  bool append(SequenceId id, std::span<const Token> tokens) {
    const KvCache::Growth growth{.sequence = id, .tokens = static_cast<std::int64_t>(tokens.size())};
    if (!cache_.has_room({&growth, 1})) return false;
    while (!tokens.empty()) {
      const auto piece = tokens.first(std::min(tokens.size(), static_cast<std::size_t>(options_.max_batch)));
      cache_.append(id, piece);  // must not throw after has_room()
      std::vector<Token>& text = sequences_.at(id);
      const auto begin = static_cast<std::int64_t>(text.size());
      text.insert(text.end(), piece.begin(), piece.end());
      write(id, begin);
      check(id);
      cache_.commit(id);
      tokens = tokens.subspan(piece.size());
    }
    return true;
  }

  /// All that a token after the end of a sequence would see is what its tokens say.
  void check(SequenceId id) const {
    const std::vector<Token>& text = sequences_.at(id);
    const auto length = static_cast<std::int64_t>(text.size());
    ASSERT_TRUE(std::equal(text.begin(), text.end(), cache_.tokens(id).begin(), cache_.tokens(id).end()));
    for (std::size_t layer = 0; layer < windows_.size(); ++layer) {
      const auto pages = cache_.pages(id, cache_.group_of(static_cast<std::int64_t>(layer)));
      const std::int64_t window = windows_[layer];
      std::uint64_t hash = 0;
      for (std::int64_t p = 0; p < length; ++p) {
        hash = next_hash(hash, text[static_cast<std::size_t>(p)]);
        if (window > 0 && p + window <= length) continue;  // out of sight
        ASSERT_LT(p / page_length, static_cast<std::int64_t>(pages.size()));
        const std::byte* page = pages[static_cast<std::size_t>(p / page_length)];
        ASSERT_NE(page, nullptr) << "sequence " << id << " of " << length << ", position " << p << ", window "
                                 << window;
        std::uint64_t found = 0;
        std::memcpy(&found, page + key(layer, p), sizeof found);
        ASSERT_EQ(found, hash + layer) << "sequence " << id << " of " << length << ", position " << p;
        std::memcpy(&found, page + value(layer, p), sizeof found);
        ASSERT_EQ(found, hash + layer + 100);
      }
    }
  }
  void check_all() const {
    for (const auto& [id, text] : sequences_) check(id);
  }

 private:
  static std::uint64_t next_hash(std::uint64_t hash, Token token) {
    return (hash + static_cast<std::uint64_t>(token) + 1) * 0x9e3779b97f4a7c15u ^ hash >> 29;
  }
  std::int64_t key(std::size_t layer, std::int64_t p) const {
    return cache_.key_offset(static_cast<std::int64_t>(layer), 0) + p % page_length * cache_.row_bytes();
  }
  std::int64_t value(std::size_t layer, std::int64_t p) const {
    return cache_.value_offset(static_cast<std::int64_t>(layer), 0) + p % page_length * cache_.row_bytes();
  }
  void write(SequenceId id, std::int64_t begin) {
    const std::vector<Token>& text = sequences_.at(id);
    std::uint64_t hash = 0;
    for (std::int64_t p = 0; p < static_cast<std::int64_t>(text.size()); ++p) {
      hash = next_hash(hash, text[static_cast<std::size_t>(p)]);
      if (p < begin) continue;
      for (std::size_t layer = 0; layer < windows_.size(); ++layer) {
        std::byte* page = cache_.pages(
            id, cache_.group_of(static_cast<std::int64_t>(layer)))[static_cast<std::size_t>(p / page_length)];
        const std::uint64_t k = hash + layer, v = hash + layer + 100;
        std::memcpy(page + key(layer, p), &k, sizeof k);
        std::memcpy(page + value(layer, p), &v, sizeof v);
      }
    }
  }

  std::vector<std::int64_t> windows_;
  KvCacheOptions options_;
  KvCache cache_;
  std::map<SequenceId, std::vector<Token>> sequences_;
};

/// Tokens of a small alphabet, so that texts share prefixes: text(n, a) and text(n, b) differ from page a on.
std::vector<Token> text_of(std::int64_t length, std::int64_t same_pages, Token other = 1) {
  std::vector<Token> text(static_cast<std::size_t>(length));
  for (std::int64_t i = 0; i < length; ++i)
    text[static_cast<std::size_t>(i)] = i < same_pages * page_length ? 0 : other;
  return text;
}

KvCacheOptions options_of(std::int64_t tokens, std::int64_t sequences, std::int64_t batch) {
  return {.type = DType::f32, .tokens = tokens, .max_sequences = sequences, .max_batch = batch};
}

struct Shape {
  const char* name;
  std::vector<std::int64_t> windows;
  KvCacheOptions options;
};

class Stress : public testing::TestWithParam<Shape> {};
INSTANTIATE_TEST_SUITE_P(Shapes, Stress,
                         testing::Values(Shape{"full", {0, 0}, options_of(600, 5, 64)},
                                         Shape{"mixed", {40, 0, 40}, options_of(600, 5, 50)},
                                         Shape{"windowed_only", {40, 40}, options_of(2000, 4, 33)},
                                         Shape{"windowed_only_small", {200}, options_of(256, 3, 64)},
                                         Shape{"three_groups", {20, 0, 70}, options_of(700, 6, 40)},
                                         Shape{"window_of_one", {1, 0}, options_of(300, 4, 10)},
                                         Shape{"window_of_a_page", {32, 33, 31, 0}, options_of(400, 4, 32)},
                                         Shape{"one_sequence", {16, 0}, options_of(128, 1, 7)}),
                         [](const auto& info) { return info.param.name; });

// Thousands of random operations; after each, every sequence holds what its tokens say.
TEST_P(Stress, RandomOperationsKeepEverySequenceRight) {
  const auto& [name, windows, options] = GetParam();
  for (unsigned seed = 1; seed <= 3; ++seed) {
    Checked checked(windows, options);
    std::mt19937 random(seed);
    const auto below = [&](std::int64_t n) {
      return static_cast<std::int64_t>(random() % static_cast<std::uint32_t>(std::max<std::int64_t>(n, 1)));
    };
    const auto some_sequence = [&] {
      auto it = checked.sequences().begin();
      std::advance(it, below(static_cast<std::int64_t>(checked.sequences().size())));
      return it->first;
    };
    std::int64_t adopted = 0, refused = 0;
    for (int step = 0; step < 700; ++step) {
      const auto count = static_cast<std::int64_t>(checked.sequences().size());
      const std::int64_t what = below(12);
      if (count == 0 || (what == 0 && count < options.max_sequences)) {
        const SequenceId id = checked.create();
        // A text that others may have begun with.
        if (below(3) > 0)
          adopted += checked.adopt(id, text_of(below(300), below(8), static_cast<Token>(below(2))));
      } else if (what == 1 && count < options.max_sequences) {
        checked.fork(some_sequence());
      } else if (what == 2) {
        checked.remove(some_sequence());
      } else if (what == 3) {
        const SequenceId id = some_sequence();
        const std::int64_t length = checked.cache().length(id),
                           earliest = checked.cache().earliest_truncation(id);
        checked.truncate(id, below(4) == 0 ? 0 : earliest + below(length - earliest + 1));
      } else {
        const SequenceId id = some_sequence();
        const std::int64_t length = checked.cache().length(id);
        const auto text =
            text_of(length + 1 + below(below(4) == 0 ? 150 : 20), below(12), static_cast<Token>(below(2)));
        if (!checked.append(id, std::span(text).subspan(static_cast<std::size_t>(length)))) {
          ++refused;
          checked.remove(id);
        }
      }
      checked.check_all();
      if (HasFatalFailure()) FAIL() << name << ", seed " << seed << ", step " << step;
    }
    if (options.max_sequences > 1) {
      EXPECT_GT(adopted, 0);
    }
    RecordProperty("refused", std::to_string(refused));
    // No page was lost on the way.
    while (!checked.sequences().empty()) checked.remove(checked.sequences().begin()->first);
    const SequenceId last = checked.create();
    EXPECT_TRUE(checked.append(last, text_of(options.tokens, 0)));
  }
}

TEST(KvCache, AForkSharesUntilItWrites) {
  Checked checked({0}, options_of(96, 2, 96));
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
  Checked checked({0}, options_of(64, 2, 64));  // three pages
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
  Checked checked({0}, options_of(128, 2, 128));  // five pages
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
  Checked checked({0, 20}, options_of(64, 1, 64));
  const SequenceId id = checked.create();
  checked.append(id, text_of(50, 0));
  expect_error(ErrorCode::context_full, "64", [&] { checked.cache().append(id, text_of(15, 0)); });
  EXPECT_EQ(checked.cache().length(id), 50);
  checked.check_all();
  EXPECT_TRUE(checked.append(id, text_of(14, 0)));
}

TEST(KvCache, WindowsGiveTheirPagesBack) {
  Checked checked({40}, options_of(4096, 1, 32));
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
  Checked checked({0, 40}, options_of(512, 1, 512));
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
  Checked checked({200}, options_of(256, 1, 64));
  const SequenceId id = checked.create();
  EXPECT_FALSE(checked.append(id, text_of(300, 0)));
  EXPECT_EQ(checked.cache().length(id), 0);
  EXPECT_TRUE(checked.append(id, text_of(256, 0)));
}

TEST(KvCache, SequencesAreLimitedAndNeverSharedById) {
  Checked checked({0}, options_of(64, 2, 8));
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
  Checked checked({0}, options_of(512, 3, 512));
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
  Checked checked({0}, options_of(128, 1, 128));  // four pages
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
  Checked checked({0}, options_of(512, 2, 512));
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
  Checked checked({0, 40}, options_of(512, 2, 512));
  const SequenceId first = checked.create();
  checked.append(first, text_of(300, 0));
  const SequenceId second = checked.create();
  const std::int64_t adopted = checked.adopt(second, text_of(290, 0));
  EXPECT_EQ(adopted, 288);
  checked.check_all();
  EXPECT_TRUE(checked.append(second, text_of(50, 0)));
}

TEST(Prefixes, AreAdoptedByEmptySequencesAlone) {
  Checked checked({0}, options_of(512, 2, 512));
  const SequenceId first = checked.create(), second = checked.create();
  checked.append(first, text_of(64, 0));
  checked.append(second, text_of(3, 0));
  EXPECT_EQ(checked.cache().adopt_prefix(second, text_of(64, 0)), 3);
  checked.check_all();
}

}  // namespace
}  // namespace linnet::kv_cache_test
