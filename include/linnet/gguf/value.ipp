// gguf/value.ipp - the body of value.hpp: values to and from the bytes of a file.
#pragma once

#include <linnet/gguf/value.hpp>

namespace linnet::gguf {

namespace detail {

/// The number at `bytes`, which may lie at any address.
template <class T>
T load(const std::byte* bytes) noexcept {
  T number;
  std::memcpy(&number, bytes, sizeof number);
  return number;
}

template <class T>
void store(std::vector<std::byte>& out, T number) {
  const auto bytes = std::bit_cast<std::array<std::byte, sizeof(T)>>(number);
  out.insert(out.end(), bytes.begin(), bytes.end());
}

inline void store_string(std::vector<std::byte>& out, std::string_view text) {
  store<std::uint64_t>(out, text.size());
  const auto bytes = std::as_bytes(std::span(text));
  out.insert(out.end(), bytes.begin(), bytes.end());
}

/// The string (length, bytes) at `bytes`.
inline std::string_view load_string(const std::byte* bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes + 8), static_cast<std::size_t>(load<std::uint64_t>(bytes))};
}

/// Calls visit(number) with the number of this type at `bytes`. Anything that is no number is not visited.
template <class Visit>
void visit_number(ValueType type, const std::byte* bytes, Visit&& visit) {
  switch (type) {
    case ValueType::u8:
      return visit(load<std::uint8_t>(bytes));
    case ValueType::i8:
      return visit(load<std::int8_t>(bytes));
    case ValueType::u16:
      return visit(load<std::uint16_t>(bytes));
    case ValueType::i16:
      return visit(load<std::int16_t>(bytes));
    case ValueType::u32:
      return visit(load<std::uint32_t>(bytes));
    case ValueType::i32:
      return visit(load<std::int32_t>(bytes));
    case ValueType::u64:
      return visit(load<std::uint64_t>(bytes));
    case ValueType::i64:
      return visit(load<std::int64_t>(bytes));
    case ValueType::f32:
      return visit(load<float>(bytes));
    case ValueType::f64:
      return visit(load<double>(bytes));
    case ValueType::boolean:
      return visit(load<std::uint8_t>(bytes));
    case ValueType::string:
    case ValueType::array:
      return;
  }
}

/// An integer of a file as int64, or nothing for a u64 that does not fit.
inline std::optional<std::int64_t> load_integer(ValueType type, const std::byte* bytes) noexcept {
  if (type == ValueType::u64 && load<std::uint64_t>(bytes) > INT64_MAX) return std::nullopt;
  std::int64_t out = 0;
  visit_number(type, bytes, [&](auto number) { out = static_cast<std::int64_t>(number); });
  return out;
}

}  // namespace detail

LINNET_INLINE Value::Value(const std::vector<bool>& flags) : type_(ValueType::array) {
  std::vector<std::byte> elements;
  elements.reserve(flags.size());
  for (const bool flag : flags) elements.push_back(std::byte{flag});
  *this = Value(ValueType::array, array_bytes(ValueType::boolean, flags.size(), elements));
}

LINNET_INLINE Value::Value(std::span<const std::string_view> texts) : type_(ValueType::array) {
  std::vector<std::byte> elements;
  for (const std::string_view text : texts) detail::store_string(elements, text);
  *this = Value(ValueType::array, array_bytes(ValueType::string, texts.size(), elements));
}

LINNET_INLINE std::vector<std::byte> Value::string_bytes(std::string_view text) {
  std::vector<std::byte> bytes;
  detail::store_string(bytes, text);
  return bytes;
}

LINNET_INLINE std::vector<std::byte> Value::array_bytes(ValueType type, std::size_t count,
                                                        std::span<const std::byte> elements) {
  std::vector<std::byte> bytes;
  bytes.reserve(array_header + elements.size());
  detail::store(bytes, static_cast<std::uint32_t>(type));
  detail::store<std::uint64_t>(bytes, count);
  bytes.insert(bytes.end(), elements.begin(), elements.end());
  return bytes;
}

LINNET_INLINE ValueType Value::element_type() const noexcept {
  return is_array() ? static_cast<ValueType>(detail::load<std::uint32_t>(raw_.data())) : type_;
}

LINNET_INLINE std::int64_t Value::size() const noexcept {
  return is_array() ? static_cast<std::int64_t>(detail::load<std::uint64_t>(raw_.data() + 4)) : 1;
}

LINNET_INLINE std::optional<std::int64_t> Value::integer() const noexcept {
  if (!is_integer(type_)) return std::nullopt;
  return detail::load_integer(type_, raw_.data());
}

LINNET_INLINE std::optional<double> Value::real() const noexcept {
  if (!is_real(type_) && !is_integer(type_)) return std::nullopt;
  double out = 0;
  detail::visit_number(type_, raw_.data(), [&](auto number) { out = static_cast<double>(number); });
  return out;
}

LINNET_INLINE std::optional<bool> Value::boolean() const noexcept {
  if (type_ != ValueType::boolean) return std::nullopt;
  return raw_[0] != std::byte{0};
}

LINNET_INLINE std::optional<std::string_view> Value::text() const noexcept {
  if (type_ != ValueType::string) return std::nullopt;
  return detail::load_string(raw_.data());
}

LINNET_INLINE std::optional<std::vector<std::int64_t>> Value::integers() const {
  const ValueType type = element_type();
  if (!is_array() || (!is_integer(type) && type != ValueType::boolean)) return std::nullopt;
  std::vector<std::int64_t> out(static_cast<std::size_t>(size()));
  const std::byte* at = element_bytes().data();
  for (std::int64_t& number : out) {
    const auto loaded = detail::load_integer(type, at);
    if (!loaded) return std::nullopt;
    number = *loaded;
    at += byte_size(type);
  }
  return out;
}

LINNET_INLINE std::optional<std::vector<float>> Value::reals() const {
  const ValueType type = element_type();
  if (!is_array() || !is_real(type)) return std::nullopt;
  std::vector<float> out(static_cast<std::size_t>(size()));
  const std::byte* at = element_bytes().data();
  for (float& number : out) {
    detail::visit_number(type, at, [&](auto loaded) { number = static_cast<float>(loaded); });
    at += byte_size(type);
  }
  return out;
}

LINNET_INLINE std::optional<std::vector<std::string_view>> Value::texts() const {
  if (!is_array() || element_type() != ValueType::string) return std::nullopt;
  std::vector<std::string_view> out(static_cast<std::size_t>(size()));
  const std::byte* at = element_bytes().data();
  for (std::string_view& text : out) {
    text = detail::load_string(at);
    at += 8 + text.size();
  }
  return out;
}

}  // namespace linnet::gguf
