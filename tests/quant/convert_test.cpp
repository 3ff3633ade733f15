// tests/quant/convert_test.cpp - the list of formats, and what the run-time forms refuse.
#include "formats.hpp"

#include <linnet/base/error.hpp>

namespace linnet::quant::convert_test {
namespace {

template <class Function>
std::string refusal(ErrorCode code, Function&& function) {
  try {
    function();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

TEST(Formats, AreTheComputableTypes) {
  int count = 0;
  for_each_format([&]<class F>() {
    EXPECT_TRUE(is_computable(F::dtype));
    ++count;
  });
  for (const DTypeInfo& row : dtype_table) count -= is_computable(row.type);
  EXPECT_EQ(count, 0);
  static_assert(is_computable(DType::q4_k) && !is_computable(DType::iq2_xxs) && !is_computable(DType::i8));
}

TEST(Formats, AreFoundByType) {
  for_each_format([]<class F>() {
    EXPECT_TRUE(with_format(F::dtype, []<class G>() { EXPECT_TRUE((std::is_same_v<F, G>)); }));
  });
  EXPECT_FALSE(with_format(DType::iq1_s, []<class F>() { FAIL() << to_string(F::dtype); }));
}

TEST(Convert, RefusesOtherTypesByNameAndSaysWhatCanBeDone) {
  std::vector<float> values(256);
  std::vector<std::byte> blocks(4096);
  for (const DTypeInfo& row : dtype_table) {
    if (is_computable(row.type)) continue;
    const std::string write =
        refusal(ErrorCode::unsupported, [&] { quantize(row.type, values, blocks.data()); });
    EXPECT_NE(write.find(row.name), std::string::npos) << write;
    EXPECT_NE(write.find("requantize"), std::string::npos) << write;
    EXPECT_NE(write.find("Q4_K"), std::string::npos) << write;
    if (row.block_length == 1) continue;  // I8-I64 and F64 are read
    const std::string read =
        refusal(ErrorCode::unsupported, [&] { dequantize(row.type, blocks.data(), values); });
    EXPECT_NE(read.find(row.name), std::string::npos) << read;
    EXPECT_NE(read.find("MXFP4"), std::string::npos) << read;
  }
}

TEST(Convert, RefusesAPartOfABlock) {
  std::vector<float> values(257);
  std::vector<std::byte> blocks(4096);
  for_each_format([&]<class F>() {
    if (F::block_length == 1) return;
    const std::string read =
        refusal(ErrorCode::invalid_argument, [&] { dequantize(F::dtype, blocks.data(), values); });
    EXPECT_NE(read.find("257"), std::string::npos) << read;
    refusal(ErrorCode::invalid_argument, [&] { quantize(F::dtype, values, blocks.data()); });
  });
}

TEST(Convert, TakesEmptyRows) {
  for_each_format([]<class F>() {
    EXPECT_NO_THROW(dequantize(F::dtype, nullptr, {}));
    EXPECT_NO_THROW(quantize(F::dtype, {}, nullptr));
  });
}

TEST(Convert, ListsTheFormats) {
  EXPECT_EQ(
      computable_names(),
      "F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_NL, IQ4_XS, MXFP4");
}

}  // namespace
}  // namespace linnet::quant::convert_test
