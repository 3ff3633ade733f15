// metadata_test.cpp - values of every type come back as they were; wrong reads name the key.
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <linnet/gguf/metadata.hpp>
#include <support/expect_error.hpp>

namespace linnet::gguf::metadata_test {
namespace {

using tests::expect_error;

TEST(Value, TypeFollowsTheCppType) {
  EXPECT_EQ(Value(std::uint8_t{1}).type(), ValueType::u8);
  EXPECT_EQ(Value(std::int8_t{1}).type(), ValueType::i8);
  EXPECT_EQ(Value(std::uint16_t{1}).type(), ValueType::u16);
  EXPECT_EQ(Value(std::int16_t{1}).type(), ValueType::i16);
  EXPECT_EQ(Value(1u).type(), ValueType::u32);
  EXPECT_EQ(Value(1).type(), ValueType::i32);
  EXPECT_EQ(Value(std::uint64_t{1}).type(), ValueType::u64);
  EXPECT_EQ(Value(std::int64_t{1}).type(), ValueType::i64);
  EXPECT_EQ(Value(1.0f).type(), ValueType::f32);
  EXPECT_EQ(Value(1.0).type(), ValueType::f64);
  EXPECT_EQ(Value(true).type(), ValueType::boolean);
  EXPECT_EQ(Value("text").type(), ValueType::string);
  const Value array(std::vector<std::uint16_t>{1, 2, 3});
  EXPECT_EQ(array.type(), ValueType::array);
  EXPECT_EQ(array.element_type(), ValueType::u16);
  EXPECT_EQ(array.size(), 3);
  EXPECT_EQ(array.element_bytes().size(), 6u);
  EXPECT_EQ(array.raw().size(), 18u);
}

template <class T>
void check_integers() {
  constexpr T least = std::numeric_limits<T>::min(), largest = std::numeric_limits<T>::max();
  Metadata metadata;
  metadata.set("least", least);
  metadata.set("largest", largest);
  metadata.set("array", std::vector<T>{least, T{7}});
  EXPECT_EQ(metadata.integer("least"), static_cast<std::int64_t>(least));
  if constexpr (!std::is_same_v<T, std::uint64_t>) {
    EXPECT_EQ(metadata.integer("largest"), static_cast<std::int64_t>(largest));
  }
  EXPECT_EQ(metadata.real("largest"), static_cast<double>(largest));
  EXPECT_EQ(metadata.integers("array"), (std::vector<std::int64_t>{static_cast<std::int64_t>(least), 7}));
}

TEST(Metadata, EveryIntegerType) {
  check_integers<std::uint8_t>();
  check_integers<std::int8_t>();
  check_integers<std::uint16_t>();
  check_integers<std::int16_t>();
  check_integers<std::uint32_t>();
  check_integers<std::int32_t>();
  check_integers<std::uint64_t>();
  check_integers<std::int64_t>();
}

TEST(Metadata, OtherTypes) {
  Metadata metadata;
  metadata.set("f32", 0.1f);
  metadata.set("f64", 0.1);
  metadata.set("true", true);
  metadata.set("text", std::string("a\0b", 3));
  metadata.set("bools", std::vector<bool>{true, false, true});
  metadata.set("reals", std::vector<float>{1.5f, -2.0f});
  metadata.set("doubles", std::vector<double>{0.1});
  metadata.set("texts", std::vector<std::string>{"", "one", "two"});
  metadata.set("none", std::vector<std::string>{});
  EXPECT_EQ(metadata.real("f32"), static_cast<double>(0.1f));
  EXPECT_EQ(metadata.real("f64"), 0.1);
  EXPECT_TRUE(metadata.boolean("true"));
  EXPECT_EQ(metadata.text("text"), std::string_view("a\0b", 3));
  EXPECT_EQ(metadata.integers("bools"), (std::vector<std::int64_t>{1, 0, 1}));
  EXPECT_EQ(metadata.reals("reals"), (std::vector<float>{1.5f, -2.0f}));
  EXPECT_EQ(metadata.reals("doubles"), (std::vector<float>{0.1f}));
  EXPECT_EQ(metadata.texts("texts"), (std::vector<std::string_view>{"", "one", "two"}));
  EXPECT_TRUE(metadata.texts("none").empty());
}

TEST(Metadata, FallbacksAreForMissingKeysOnly) {
  Metadata metadata;
  metadata.set("text", "no number");
  EXPECT_EQ(metadata.integer("missing", 7), 7);
  EXPECT_EQ(metadata.real("missing", 0.5), 0.5);
  EXPECT_TRUE(metadata.boolean("missing", true));
  EXPECT_EQ(metadata.text("missing", "x"), "x");
  EXPECT_EQ(metadata.text("text", "x"), "no number");
  expect_error(ErrorCode::bad_model, "key 'text'", [&] { metadata.integer("text", 7); });
  expect_error(ErrorCode::bad_model, "key 'text'", [&] { metadata.real("text", 7); });
  expect_error(ErrorCode::bad_model, "key 'text'", [&] { metadata.boolean("text", true); });
}

TEST(Metadata, WrongReadsNameTheKey) {
  Metadata metadata;
  metadata.set("number", 1u);
  metadata.set("huge", UINT64_MAX);
  metadata.set("real", 1.0f);
  metadata.set("bool", true);
  metadata.set("numbers", std::vector<std::uint64_t>{1, UINT64_MAX});
  const auto bad = [](std::string_view text, auto&& run) { expect_error(ErrorCode::bad_model, text, run); };
  bad("key 'llama.block_count': missing", [&] { metadata.integer("llama.block_count"); });
  bad("key 'x': missing; expected an array of strings", [&] { metadata.texts("x"); });
  bad("key 'huge': expected an integer below 2^63, found one u64", [&] { metadata.integer("huge"); });
  bad("key 'real': expected an integer below 2^63, found one f32", [&] { metadata.integer("real"); });
  bad("key 'bool'", [&] { metadata.integer("bool"); });
  bad("key 'bool'", [&] { metadata.real("bool"); });
  bad("key 'number': expected a bool, found one u32", [&] { metadata.boolean("number"); });
  bad("key 'number'", [&] { metadata.text("number"); });
  bad("key 'number'", [&] { metadata.integers("number"); });
  bad("key 'numbers': expected an array of integers below 2^63, found an array of 2 u64",
      [&] { metadata.integers("numbers"); });
  bad("key 'numbers'", [&] { metadata.reals("numbers"); });
  bad("key 'numbers'", [&] { metadata.texts("numbers"); });
  bad("key 'numbers'", [&] { metadata.integer("numbers"); });
}

TEST(Metadata, KeepsOrderReplacesInPlaceAndErases) {
  Metadata metadata;
  metadata.set("a", 1);
  metadata.set("b", 2);
  metadata.set("c", 3);
  metadata.set("b", "two");
  const auto keys = [&] {
    std::string out;
    for (const auto& [key, value] : metadata) out += key;
    return out;
  };
  EXPECT_EQ(keys(), "abc");
  EXPECT_EQ(metadata.text("b"), "two");
  metadata.erase("a");
  metadata.erase("missing");
  EXPECT_EQ(keys(), "bc");
  EXPECT_EQ(metadata.integer("c"), 3);
  metadata.set("a", 4);
  EXPECT_EQ(keys(), "bca");
}

TEST(Metadata, CopiesOutliveTheOriginal) {
  Metadata copy;
  {
    Metadata metadata;
    metadata.set(std::string("a.key.that.is.longer.than.a.short.string"), std::string(100, 'v'));
    copy = metadata;
  }
  EXPECT_EQ(copy.text("a.key.that.is.longer.than.a.short.string"), std::string(100, 'v'));
}

TEST(Metadata, RefusesKeysThatAFileCannotHold) {
  Metadata metadata;
  for (const std::string& key :
       {std::string(), std::string("a b"), std::string("\xc3\xa9"), std::string(65'536, 'k')})
    expect_error(ErrorCode::invalid_argument, "key '", [&] { metadata.set(key, 1); });
  metadata.set(std::string(65'535, 'k'), 1);
  EXPECT_EQ(metadata.size(), 1u);
}

}  // namespace
}  // namespace linnet::gguf::metadata_test
