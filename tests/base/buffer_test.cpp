// buffer_test.cpp - large memory: zeroed, aligned, movable, and refused with an Error.
#include <algorithm>
#include <cstdint>
#include <utility>

#include <gtest/gtest.h>
#include <linnet/base/buffer.hpp>
#include <support/expect_error.hpp>

namespace linnet::buffer_test {
namespace {

TEST(Buffer, IsZeroedAlignedAndWritable) {
  for (const std::size_t bytes : {1u, 4095u, 4097u, 1u << 20, (2u << 20) + 1}) {
    Buffer buffer(bytes);
    ASSERT_EQ(buffer.size(), bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % 4096, 0u);
    EXPECT_TRUE(
        std::all_of(buffer.data(), buffer.data() + bytes, [](std::byte b) { return b == std::byte{0}; }));
    std::fill_n(buffer.data(), bytes, std::byte{1});
  }
}

TEST(Buffer, OfNothingHoldsNothing) {
  EXPECT_EQ(Buffer().data(), nullptr);
  EXPECT_EQ(Buffer(0).data(), nullptr);
  EXPECT_EQ(Buffer(0).size(), 0u);
}

TEST(Buffer, MovesItsMemory) {
  Buffer a(100);
  a.as<float>(8)[1] = 2.5f;
  const std::byte* const data = a.data();
  Buffer b(std::move(a));
  EXPECT_EQ(b.data(), data);
  EXPECT_EQ(b.size(), 100u);
  EXPECT_EQ(a.data(), nullptr);
  Buffer c(5000);
  c = std::move(b);
  EXPECT_EQ(c.data(), data);
  EXPECT_EQ(c.as<float>()[3], 2.5f);
}

TEST(Buffer, BeyondTheMachineIsAnErrorThatSaysHowMuch) {
  tests::expect_error(ErrorCode::out_of_memory, "429496729", [] { Buffer(std::size_t{1} << 52); });
  tests::expect_error(ErrorCode::out_of_memory, "MiB", [] { Buffer(SIZE_MAX); });
}

}  // namespace
}  // namespace linnet::buffer_test
