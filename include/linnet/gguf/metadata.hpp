// gguf/metadata.hpp - the keys and values of a GGUF file, in the file's order. Never interprets a model.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <linnet/base/config.hpp>
#include <linnet/base/error.hpp>
#include <linnet/gguf/value.hpp>

namespace linnet::gguf {

namespace detail {
class DirectoryReader;
}

/// The longest key that the format allows, in bytes.
inline constexpr std::size_t max_key_length = 65'535;

/// An ordered map from key to value. What was read from a file are views into it, copies of this object
/// included: keep the File as long as any of them.
class Metadata {
 public:
  struct Entry {
    std::string_view key;
    Value value;
  };

  /// In file order.
  std::span<const Entry> entries() const noexcept { return entries_; }
  auto begin() const noexcept { return entries_.begin(); }
  auto end() const noexcept { return entries_.end(); }
  std::size_t size() const noexcept { return entries_.size(); }

  /// The value of a key, or nothing. The pointer is valid until the next set() or erase(). Cost: O(log
  /// size()).
  const Value* find(std::string_view key) const noexcept;
  bool contains(std::string_view key) const noexcept { return find(key) != nullptr; }

  // Typed reads. Every one throws Error(bad_model), naming the key, where the value is of another type than
  // asked or out of range; those without a fallback also where the key is missing.

  /// Any integer type (not bool, not a float); a u64 above INT64_MAX is an error.
  std::int64_t integer(std::string_view key) const;
  std::int64_t integer(std::string_view key, std::int64_t fallback) const;
  /// f32 or f64, or any integer type.
  double real(std::string_view key) const;
  double real(std::string_view key, double fallback) const;
  bool boolean(std::string_view key) const;
  bool boolean(std::string_view key, bool fallback) const;
  /// The string's bytes as the file holds them; they may be no UTF-8.
  std::string_view text(std::string_view key) const;
  std::string_view text(std::string_view key, std::string_view fallback) const;
  /// An array of any integer type or bool.
  std::vector<std::int64_t> integers(std::string_view key) const;
  /// An array of f32 or f64, rounded to float.
  std::vector<float> reals(std::string_view key) const;
  /// An array of strings: views, found in one walk. Keep the result; a second call walks again.
  std::vector<std::string_view> texts(std::string_view key) const;

  /// Gives a key a value: at the end where the key is new, in its place otherwise. The key is copied.
  /// Errors: invalid_argument for a key that a file cannot hold (empty, over 65,535 bytes, or a byte outside
  /// '!'..'~').
  void set(std::string_view key, Value value);

  /// Removes a key, if it is there.
  void erase(std::string_view key);

 private:
  friend class detail::DirectoryReader;

  /// As set(), for a new key whose bytes outlive this object. False, and no change, where the key is there
  /// already.
  bool insert_view(std::string_view key, Value value);

  std::vector<Entry> entries_;
  std::map<std::string_view, std::size_t> index_;               // a tree: hostile keys cannot make it slow
  std::vector<std::shared_ptr<const std::string>> owned_keys_;  // what set() copied; shared by copies
};

/// Whether a GGUF file can hold this key: 1 to 65,535 bytes, each in '!'..'~'.
bool is_valid_key(std::string_view key) noexcept;

}  // namespace linnet::gguf

#ifdef LINNET_HEADER_ONLY
#include <linnet/gguf/metadata.ipp>
#endif
