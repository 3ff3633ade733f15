// allocation_test.cpp - what a hostile file can make the reader allocate, counted at operator new.
#include <malloc.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <new>
#include <string>

#include <gtest/gtest.h>

#include <linnet/gguf/reader.hpp>
#include <support/malformed_gguf.hpp>
#include <support/sanitized.hpp>

namespace {

std::atomic<std::size_t> live_bytes = 0, peak_bytes = 0;

void* counted_new(std::size_t size) {
  void* memory = std::malloc(size);
  if (!memory) throw std::bad_alloc();
  const std::size_t now = live_bytes += malloc_usable_size(memory);
  std::size_t peak = peak_bytes;
  while (peak < now && !peak_bytes.compare_exchange_weak(peak, now)) {
  }
  return memory;
}

void counted_delete(void* memory) noexcept {
  live_bytes -= malloc_usable_size(memory);
  std::free(memory);
}

}  // namespace

// The whole test program counts. Aligned forms stay the library's: nothing here is over-aligned.
void* operator new(std::size_t size) { return counted_new(size); }
void* operator new[](std::size_t size) { return counted_new(size); }
void operator delete(void* memory) noexcept { counted_delete(memory); }
void operator delete[](void* memory) noexcept { counted_delete(memory); }
void operator delete(void* memory, std::size_t) noexcept { counted_delete(memory); }
void operator delete[](void* memory, std::size_t) noexcept { counted_delete(memory); }

namespace linnet::allocation_test {
namespace {

struct Cost {
  std::size_t bytes;  // the most that was allocated at once
  double seconds;
  bool accepted;
};

Cost cost_of(const std::string& file) {
  const std::size_t before = live_bytes;
  peak_bytes = before;
  const auto start = std::chrono::steady_clock::now();
  bool accepted = true;
  try {
    gguf::File::parse(tests::bytes_of(file));
  } catch (const Error&) {
    accepted = false;
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  return {peak_bytes - before, seconds.count(), accepted};
}

constexpr std::size_t bound = 64u << 20;
constexpr double second = tests::sanitized ? 10 : 1;

TEST(Allocation, IsCounted) {
  EXPECT_GT(cost_of(tests::base_gguf()).bytes, 100u);  // the counter counts
}

TEST(Allocation, SmallForEveryMalformedFile) {
  for (const auto& c : tests::malformed_cases()) {
    const Cost cost = cost_of(c.bytes);
    EXPECT_LE(cost.bytes, 16'384u) << c.name;
    EXPECT_LT(cost.seconds, second) << c.name;
  }
}

TEST(Allocation, AsManyKeysAsAreAllowed) {
  tests::FileBytes file;
  file.header(3, 0, gguf::max_keys);
  for (std::uint64_t i = 0; i < gguf::max_keys; ++i) file.string(concat("k", i)).u32(0).u8(0);
  const Cost cost = cost_of(file.str());
  EXPECT_TRUE(cost.accepted);
  EXPECT_LT(cost.bytes, bound);
  EXPECT_LT(cost.seconds, second);
}

TEST(Allocation, AsManyTensorsAsAreAllowedWithTheLongestNames) {
  tests::FileBytes file;
  file.header(3, gguf::max_tensors, 0);
  for (std::uint64_t i = 0; i < gguf::max_tensors; ++i) {
    const std::string number = concat(i);
    file.tensor(number + std::string(64 - number.size(), 'n'), {0}, 0, 0);
  }
  const Cost cost = cost_of(file.str());
  EXPECT_TRUE(cost.accepted);
  EXPECT_LT(cost.bytes, bound);
  EXPECT_LT(cost.seconds, second);
}

TEST(Allocation, NothingForTheStringsOfAnArray) {
  constexpr std::uint64_t count = 1'000'000;
  tests::FileBytes file;
  file.header(3, 0, 1).string("k").u32(9).u32(8).u64(count).zeros(8 * count);
  const Cost cost = cost_of(file.str());
  EXPECT_TRUE(cost.accepted);
  EXPECT_LT(cost.bytes, 16'384u);
  EXPECT_LT(cost.seconds, second);
}

}  // namespace
}  // namespace linnet::allocation_test
