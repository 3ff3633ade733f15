// text/probe_table.hpp - a hash index over items that lie elsewhere. Never owns or compares an item.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace linnet {

/// Open addressing with linear probing over item numbers: four bytes a slot, at most half of them full.
class ProbeTable {
 public:
  ProbeTable() = default;
  /// Room for `items` insertions; more are not allowed.
  explicit ProbeTable(std::size_t items) : slots_(std::bit_ceil(2 * items + 1), empty) {}

  /// The number of the item with this hash for which equal(number) holds.
  template <class Equal>
  std::optional<std::uint32_t> find(std::uint64_t hash, const Equal& equal) const {
    if (slots_.empty()) return std::nullopt;
    for (std::size_t i = first_slot(hash); slots_[i] != empty; i = (i + 1) & (slots_.size() - 1))
      if (equal(slots_[i])) return slots_[i];
    return std::nullopt;
  }

  /// Adds an item that find() does not find.
  void insert(std::uint64_t hash, std::uint32_t number) {
    std::size_t i = first_slot(hash);
    while (slots_[i] != empty) i = (i + 1) & (slots_.size() - 1);
    slots_[i] = number;
  }

 private:
  static constexpr std::uint32_t empty = UINT32_MAX;

  // The upper half of a product with an odd constant: every bit of the hash moves the slot.
  std::size_t first_slot(std::uint64_t hash) const {
    return static_cast<std::size_t>((hash * 0x9e3779b97f4a7c15u) >> 32) & (slots_.size() - 1);
  }

  std::vector<std::uint32_t> slots_;
};

}  // namespace linnet
