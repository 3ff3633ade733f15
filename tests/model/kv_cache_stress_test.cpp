// kv_cache_stress_test.cpp - random operations on caches of many shapes: sequences hold what their tokens
// say.
#include <model/checked_cache.hpp>

namespace linnet::kv_cache_stress_test {
namespace {

using namespace tests;

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
    CheckedCache checked(windows, options);
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

}  // namespace
}  // namespace linnet::kv_cache_stress_test
