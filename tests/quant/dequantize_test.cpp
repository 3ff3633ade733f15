// tests/quant/dequantize_test.cpp - every tensor type reads as the PyPI package gguf reads it, bit for bit.
#include <bit>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>

#include "formats.hpp"

namespace linnet::quant::dequantize_test {
namespace {

/// A record of fixtures.bin; make_fixtures.py says how it is laid out.
struct Fixture {
  std::vector<std::byte> blocks;
  std::vector<float> values;
};

class FixtureFile {
 public:
  FixtureFile() {
    std::ifstream file(LINNET_SOURCE_DIR "/tests/quant/fixtures.bin", std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    for (const char* at = bytes.data(); at < bytes.data() + bytes.size();) at = add(at);
  }

  const std::map<DType, Fixture>& all() const { return fixtures_; }

 private:
  const char* add(const char* at) {
    std::uint32_t head[2];
    at = take(at, head, 2);
    const DTypeInfo& row = info(static_cast<DType>(head[0]));
    Fixture& fixture = fixtures_[row.type];
    fixture.blocks.resize(head[1] * static_cast<std::size_t>(row.block_bytes));
    fixture.values.resize(head[1] * static_cast<std::size_t>(row.block_length));
    at = take(at, fixture.blocks.data(), fixture.blocks.size());
    return take(at, fixture.values.data(), fixture.values.size());
  }

  template <class T>
  static const char* take(const char* at, T* out, std::size_t count) {
    std::memcpy(out, at, count * sizeof(T));
    return at + count * sizeof(T);
  }

  std::map<DType, Fixture> fixtures_;
};

const std::map<DType, Fixture>& fixtures() {
  static const FixtureFile file;
  return file.all();
}

void expect_same_bits(DType type, const std::vector<float>& expected, const std::vector<float>& found) {
  ASSERT_EQ(expected.size(), found.size());
  for (std::size_t i = 0; i < expected.size(); ++i)
    ASSERT_EQ(std::bit_cast<std::uint32_t>(expected[i]), std::bit_cast<std::uint32_t>(found[i]))
        << to_string(type) << " element " << i << ": expected " << expected[i] << ", found " << found[i];
}

TEST(Dequantize, IsBitExactForEveryFixture) {
  ASSERT_FALSE(fixtures().empty()) << "tests/quant/fixtures.bin is missing";
  for (const auto& [type, fixture] : fixtures()) {
    std::vector<float> found(fixture.values.size());
    dequantize(type, fixture.blocks.data(), found);
    expect_same_bits(type, fixture.values, found);
  }
}

TEST(Dequantize, TakesBlocksAtAnyAddress) {
  for (const auto& [type, fixture] : fixtures()) {
    std::vector<std::byte> shifted(fixture.blocks.size() + 1);
    std::memcpy(shifted.data() + 1, fixture.blocks.data(), fixture.blocks.size());
    std::vector<float> found(fixture.values.size());
    dequantize(type, shifted.data() + 1, found);
    expect_same_bits(type, fixture.values, found);
  }
}

TEST(Dequantize, HasAFixtureForEveryReadableType) {
  for_each_format([]<class F>() { EXPECT_TRUE(fixtures().contains(F::dtype)) << to_string(F::dtype); });
  for (DType type : {DType::i8, DType::i16, DType::i32, DType::i64, DType::f64})
    EXPECT_TRUE(fixtures().contains(type)) << to_string(type);
}

}  // namespace
}  // namespace linnet::quant::dequantize_test
