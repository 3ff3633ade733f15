// gguf/value.hpp - one metadata value of a GGUF file, as the bytes that the file holds. Never knows its key.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <linnet/base/config.hpp>

namespace linnet::gguf {

static_assert(std::endian::native == std::endian::little, "GGUF numbers are read where they lie");

/// The type of a value; the numbers are those of the file format.
enum class ValueType : std::uint32_t {
  u8,
  i8,
  u16,
  i16,
  u32,
  i32,
  f32,
  boolean,
  string,
  array,
  u64,
  i64,
  f64
};

/// One more than the largest number of a ValueType.
inline constexpr std::uint32_t value_type_count = 13;

/// "u8", "string", ...
constexpr std::string_view to_string(ValueType type) noexcept {
  constexpr std::string_view names[] = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                        "bool", "string", "array", "u64", "i64", "f64"};
  return names[static_cast<std::uint32_t>(type)];
}

/// Bytes of a value of this type, or 0 for strings and arrays, whose values differ in length.
constexpr std::int64_t byte_size(ValueType type) noexcept {
  constexpr std::int8_t sizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  return sizes[static_cast<std::uint32_t>(type)];
}

constexpr bool is_integer(ValueType type) noexcept {
  return type < ValueType::f32 || type == ValueType::u64 || type == ValueType::i64;
}

constexpr bool is_real(ValueType type) noexcept { return type == ValueType::f32 || type == ValueType::f64; }

/// The arithmetic types that a file can hold, and no character types.
template <class T>
concept Scalar = std::is_arithmetic_v<T> && sizeof(T) <= 8 && !std::same_as<T, char> &&
                 !std::same_as<T, wchar_t> && !std::same_as<T, char8_t> && !std::same_as<T, char16_t> &&
                 !std::same_as<T, char32_t>;

/// The file's type for a C++ type: by its width and sign.
template <Scalar T>
constexpr ValueType value_type_of() noexcept {
  if constexpr (std::same_as<T, bool>) return ValueType::boolean;
  if constexpr (std::is_floating_point_v<T>) return sizeof(T) == 4 ? ValueType::f32 : ValueType::f64;
  constexpr ValueType types[] = {ValueType::u8,  ValueType::i8,  ValueType::u16, ValueType::i16,
                                 ValueType::u32, ValueType::i32, ValueType::u64, ValueType::i64};
  return types[2 * std::countr_zero(sizeof(T)) + (std::is_signed_v<T> ? 1 : 0)];
}

/// A value of a GGUF file. One that was read is a view into the file and is valid as long as its File; one
/// that a program made owns its bytes, and its copies share them. Immutable.
class Value {
 public:
  /// A number: the C++ type decides the type in the file, so write std::uint32_t{2} where the file should say
  /// u32.
  template <Scalar T>
  Value(T number) : Value(value_type_of<T>(), bytes_of(number)) {}
  Value(std::string_view text) : Value(ValueType::string, string_bytes(text)) {}
  Value(const char* text) : Value(std::string_view(text)) {}
  Value(const std::string& text) : Value(std::string_view(text)) {}
  /// An array of numbers.
  template <Scalar T>
  Value(std::span<const T> numbers)
      : Value(ValueType::array, array_bytes(value_type_of<T>(), numbers.size(), std::as_bytes(numbers))) {}
  template <Scalar T>
  requires(!std::same_as<T, bool>) Value(const std::vector<T>& numbers)
      : Value(std::span<const T>(numbers)) {}
  Value(const std::vector<bool>& flags);
  /// An array of strings.
  Value(std::span<const std::string_view> texts);
  Value(const std::vector<std::string_view>& texts) : Value(std::span<const std::string_view>(texts)) {}
  Value(const std::vector<std::string>& texts)
      : Value(std::vector<std::string_view>(texts.begin(), texts.end())) {}

  /// A view of bytes that the reader has checked; see raw(). They must outlive the value and its copies.
  static Value view(ValueType type, std::span<const std::byte> raw) noexcept { return Value(type, raw); }

  ValueType type() const noexcept { return type_; }
  bool is_array() const noexcept { return type_ == ValueType::array; }
  /// The type of an array's elements; of anything else, its own type.
  ValueType element_type() const noexcept;
  /// The number of an array's elements; 1 for anything else.
  std::int64_t size() const noexcept;

  /// The bytes that follow the type in the file. string: length (u64), then its bytes. array: element type
  /// (u32), count (u64), then the elements.
  std::span<const std::byte> raw() const noexcept { return raw_; }
  /// The bytes of the elements alone; of a value that is no array, its own.
  std::span<const std::byte> element_bytes() const noexcept {
    return raw_.subspan(is_array() ? array_header : 0);
  }

  // What the value is as this type, or nothing where it is of another kind. Metadata has the forms that
  // explain.
  std::optional<std::int64_t> integer() const noexcept;  // any integer type; not a u64 above INT64_MAX
  std::optional<double> real() const noexcept;           // f32, f64 and any integer type
  std::optional<bool> boolean() const noexcept;
  std::optional<std::string_view> text() const noexcept;
  std::optional<std::vector<std::int64_t>> integers() const;   // array of any integer type or bool
  std::optional<std::vector<float>> reals() const;             // array of f32 or f64
  std::optional<std::vector<std::string_view>> texts() const;  // array of strings, views into raw(); one walk

  friend bool operator==(const Value& a, const Value& b) noexcept {
    return a.type_ == b.type_ && std::ranges::equal(a.raw_, b.raw_);
  }

 private:
  static constexpr std::size_t array_header = 12;  // element type and count

  Value(ValueType type, std::span<const std::byte> raw) noexcept : type_(type), raw_(raw) {}
  Value(ValueType type, std::vector<std::byte> bytes)
      : type_(type),
        owned_(std::make_shared<const std::vector<std::byte>>(std::move(bytes))),
        raw_(*owned_) {}

  template <class T>
  static std::vector<std::byte> bytes_of(T number) {
    const auto bytes = std::bit_cast<std::array<std::byte, sizeof(T)>>(number);
    return {bytes.begin(), bytes.end()};
  }
  static std::vector<std::byte> string_bytes(std::string_view text);
  static std::vector<std::byte> array_bytes(ValueType type, std::size_t count,
                                            std::span<const std::byte> elements);

  ValueType type_;
  std::shared_ptr<const std::vector<std::byte>> owned_;  // empty in a view
  std::span<const std::byte> raw_;
};

}  // namespace linnet::gguf

#ifdef LINNET_HEADER_ONLY
#include <linnet/gguf/value.ipp>
#endif
