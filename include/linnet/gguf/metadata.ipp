// gguf/metadata.ipp - the body of metadata.hpp: lookups, and errors that name the key.
#pragma once

#include <algorithm>
#include <optional>
#include <utility>

#include <linnet/base/printable.hpp>
#include <linnet/gguf/metadata.hpp>

namespace linnet::gguf {

namespace detail {

/// "an array of 3 u32", "a string".
inline std::string describe(const Value& value) {
  if (value.is_array()) return concat("an array of ", value.size(), " ", to_string(value.element_type()));
  return concat("one ", to_string(value.type()));
}

inline const Value& require(const Metadata& metadata, std::string_view key, std::string_view expected) {
  if (const Value* value = metadata.find(key)) return *value;
  fail(ErrorCode::bad_model, "key ", in_quotes(key), ": missing; expected ", expected,
       "; the file is incomplete or made for another program: convert the model again");
}

/// What was read from a value, or the error that it is not what was expected.
template <class T>
T expect(std::optional<T> read, std::string_view key, const Value& value, std::string_view expected) {
  if (read) return *std::move(read);
  fail(ErrorCode::bad_model, "key ", in_quotes(key), ": expected ", expected, ", found ", describe(value),
       is_integer(value.element_type()) ? ", or a number out of range" : "", "; convert the model again");
}

inline constexpr std::string_view an_integer = "an integer below 2^63";
inline constexpr std::string_view a_number = "a number";
inline constexpr std::string_view a_bool = "a bool";
inline constexpr std::string_view a_string = "a string";
inline constexpr std::string_view integer_array = "an array of integers below 2^63";
inline constexpr std::string_view real_array = "an array of f32 or f64";
inline constexpr std::string_view string_array = "an array of strings";

}  // namespace detail

LINNET_INLINE bool is_valid_key(std::string_view key) noexcept {
  return !key.empty() && key.size() <= max_key_length &&
         std::all_of(key.begin(), key.end(), [](char c) { return c >= '!' && c <= '~'; });
}

LINNET_INLINE const Value* Metadata::find(std::string_view key) const noexcept {
  const auto found = index_.find(key);
  return found == index_.end() ? nullptr : &entries_[found->second].value;
}

LINNET_INLINE std::int64_t Metadata::integer(std::string_view key) const {
  const Value& value = detail::require(*this, key, detail::an_integer);
  return detail::expect(value.integer(), key, value, detail::an_integer);
}

LINNET_INLINE std::int64_t Metadata::integer(std::string_view key, std::int64_t fallback) const {
  return contains(key) ? integer(key) : fallback;
}

LINNET_INLINE double Metadata::real(std::string_view key) const {
  const Value& value = detail::require(*this, key, detail::a_number);
  return detail::expect(value.real(), key, value, detail::a_number);
}

LINNET_INLINE double Metadata::real(std::string_view key, double fallback) const {
  return contains(key) ? real(key) : fallback;
}

LINNET_INLINE bool Metadata::boolean(std::string_view key) const {
  const Value& value = detail::require(*this, key, detail::a_bool);
  return detail::expect(value.boolean(), key, value, detail::a_bool);
}

LINNET_INLINE bool Metadata::boolean(std::string_view key, bool fallback) const {
  return contains(key) ? boolean(key) : fallback;
}

LINNET_INLINE std::string_view Metadata::text(std::string_view key) const {
  const Value& value = detail::require(*this, key, detail::a_string);
  return detail::expect(value.text(), key, value, detail::a_string);
}

LINNET_INLINE std::string_view Metadata::text(std::string_view key, std::string_view fallback) const {
  return contains(key) ? text(key) : fallback;
}

LINNET_INLINE std::vector<std::int64_t> Metadata::integers(std::string_view key) const {
  const Value& value = detail::require(*this, key, detail::integer_array);
  return detail::expect(value.integers(), key, value, detail::integer_array);
}

LINNET_INLINE std::vector<float> Metadata::reals(std::string_view key) const {
  const Value& value = detail::require(*this, key, detail::real_array);
  return detail::expect(value.reals(), key, value, detail::real_array);
}

LINNET_INLINE std::vector<std::string_view> Metadata::texts(std::string_view key) const {
  const Value& value = detail::require(*this, key, detail::string_array);
  return detail::expect(value.texts(), key, value, detail::string_array);
}

LINNET_INLINE void Metadata::set(std::string_view key, Value value) {
  if (!is_valid_key(key))
    fail(ErrorCode::invalid_argument, "key ", in_quotes(key), ": expected 1 to ", max_key_length,
         " bytes, each in '!'..'~', found ", key.size(), " bytes; choose another key");
  if (const auto found = index_.find(key); found != index_.end()) {
    entries_[found->second].value = std::move(value);
    return;
  }
  owned_keys_.push_back(std::make_shared<const std::string>(key));
  insert_view(*owned_keys_.back(), std::move(value));
}

LINNET_INLINE void Metadata::erase(std::string_view key) {
  const auto found = index_.find(key);
  if (found == index_.end()) return;
  const std::size_t place = found->second;
  index_.erase(found);
  entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(place));
  for (auto& [name, index] : index_)
    if (index > place) --index;
}

LINNET_INLINE bool Metadata::insert_view(std::string_view key, Value value) {
  if (!index_.emplace(key, entries_.size()).second) return false;
  entries_.push_back({key, std::move(value)});
  return true;
}

}  // namespace linnet::gguf
