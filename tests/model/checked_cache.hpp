// tests/model/checked_cache.hpp - a KvCache, without a model, beside a list of what it must hold: each
// position's keys say which tokens they were made of. Never an expectation of a single test.
#pragma once

#include <cstring>
#include <map>
#include <set>

#include <gtest/gtest.h>
#include <model/fixtures.hpp>

namespace linnet::tests {

inline constexpr std::int64_t page_length = KvCache::page_length;

/// Layers with these windows, one head of four values each.
inline Spec spec_of(const std::vector<std::int64_t>& windows) {
  Spec spec;
  spec.head_dim = 4;
  for (std::int64_t window : windows)
    spec.layers.push_back({.heads = 1, .kv_heads = 1, .feed_forward = 1, .window = window});
  return spec;
}

/// A cache in the hands of a forward pass that writes, as the key of each position, a hash of all tokens up
/// to it, and beside it a list of tokens for each sequence: what the cache must hold.
class CheckedCache {
 public:
  CheckedCache(const std::vector<std::int64_t>& windows, const KvCacheOptions& options)
      : windows_(windows), options_(options), cache_(spec_of(windows), options) {}

  KvCache& cache() { return cache_; }
  const std::map<SequenceId, std::vector<Token>>& sequences() const { return sequences_; }

  SequenceId create() {
    const SequenceId id = cache_.create();
    EXPECT_TRUE(sequences_.emplace(id, std::vector<Token>()).second) << "an id is used again";
    return id;
  }
  SequenceId fork(SequenceId from) {
    const SequenceId id = cache_.fork(from);
    sequences_[id] = sequences_.at(from);
    return id;
  }
  void remove(SequenceId id) {
    cache_.remove(id);
    sequences_.erase(id);
  }
  void truncate(SequenceId id, std::int64_t length) {
    cache_.truncate(id, length);
    sequences_.at(id).resize(static_cast<std::size_t>(length));
  }
  std::int64_t adopt(SequenceId id, const std::vector<Token>& tokens) {
    const std::int64_t length = cache_.adopt_prefix(id, tokens);
    sequences_.at(id).assign(tokens.begin(), tokens.begin() + length);
    return length;
  }
  /// In pieces, as an engine does it. False where the cache says that there is no room.
  bool append(SequenceId id, std::span<const Token> tokens) {
    const KvCache::Growth growth{.sequence = id, .tokens = static_cast<std::int64_t>(tokens.size())};
    if (!cache_.has_room({&growth, 1})) return false;
    while (!tokens.empty()) {
      const auto piece = tokens.first(std::min(tokens.size(), static_cast<std::size_t>(options_.max_batch)));
      cache_.append(id, piece);  // must not throw after has_room()
      std::vector<Token>& text = sequences_.at(id);
      const auto begin = static_cast<std::int64_t>(text.size());
      text.insert(text.end(), piece.begin(), piece.end());
      write(id, begin);
      check(id);
      cache_.commit(id);
      tokens = tokens.subspan(piece.size());
    }
    return true;
  }

  /// All that a token after the end of a sequence would see is what its tokens say.
  void check(SequenceId id) const {
    const std::vector<Token>& text = sequences_.at(id);
    const auto length = static_cast<std::int64_t>(text.size());
    ASSERT_TRUE(std::equal(text.begin(), text.end(), cache_.tokens(id).begin(), cache_.tokens(id).end()));
    for (std::size_t layer = 0; layer < windows_.size(); ++layer) {
      const auto pages = cache_.pages(id, cache_.group_of(static_cast<std::int64_t>(layer)));
      const std::int64_t window = windows_[layer];
      std::uint64_t hash = 0;
      for (std::int64_t p = 0; p < length; ++p) {
        hash = next_hash(hash, text[static_cast<std::size_t>(p)]);
        if (window > 0 && p + window <= length) continue;  // out of sight
        ASSERT_LT(p / page_length, static_cast<std::int64_t>(pages.size()));
        const std::byte* page = pages[static_cast<std::size_t>(p / page_length)];
        ASSERT_NE(page, nullptr) << "sequence " << id << " of " << length << ", position " << p << ", window "
                                 << window;
        std::uint64_t found = 0;
        std::memcpy(&found, page + key(layer, p), sizeof found);
        ASSERT_EQ(found, hash + layer) << "sequence " << id << " of " << length << ", position " << p;
        std::memcpy(&found, page + value(layer, p), sizeof found);
        ASSERT_EQ(found, hash + layer + 100);
      }
    }
  }
  void check_all() const {
    for (const auto& [id, text] : sequences_) check(id);
  }

 private:
  static std::uint64_t next_hash(std::uint64_t hash, Token token) {
    return (hash + static_cast<std::uint64_t>(token) + 1) * 0x9e3779b97f4a7c15u ^ hash >> 29;
  }
  std::int64_t key(std::size_t layer, std::int64_t p) const {
    return cache_.key_offset(static_cast<std::int64_t>(layer), 0) + p % page_length * cache_.row_bytes();
  }
  std::int64_t value(std::size_t layer, std::int64_t p) const {
    return cache_.value_offset(static_cast<std::int64_t>(layer), 0) + p % page_length * cache_.row_bytes();
  }
  void write(SequenceId id, std::int64_t begin) {
    const std::vector<Token>& text = sequences_.at(id);
    std::uint64_t hash = 0;
    for (std::int64_t p = 0; p < static_cast<std::int64_t>(text.size()); ++p) {
      hash = next_hash(hash, text[static_cast<std::size_t>(p)]);
      if (p < begin) continue;
      for (std::size_t layer = 0; layer < windows_.size(); ++layer) {
        std::byte* page = cache_.pages(
            id, cache_.group_of(static_cast<std::int64_t>(layer)))[static_cast<std::size_t>(p / page_length)];
        const std::uint64_t k = hash + layer, v = hash + layer + 100;
        std::memcpy(page + key(layer, p), &k, sizeof k);
        std::memcpy(page + value(layer, p), &v, sizeof v);
      }
    }
  }

  std::vector<std::int64_t> windows_;
  KvCacheOptions options_;
  KvCache cache_;
  std::map<SequenceId, std::vector<Token>> sequences_;
};

/// Tokens of a small alphabet, so that texts share prefixes: text(n, a) and text(n, b) differ from page a on.
inline std::vector<Token> text_of(std::int64_t length, std::int64_t same_pages, Token other = 1) {
  std::vector<Token> text(static_cast<std::size_t>(length));
  for (std::int64_t i = 0; i < length; ++i)
    text[static_cast<std::size_t>(i)] = i < same_pages * page_length ? 0 : other;
  return text;
}

inline KvCacheOptions options_of(std::int64_t tokens, std::int64_t sequences, std::int64_t batch) {
  return {.type = DType::f32, .tokens = tokens, .max_sequences = sequences, .max_batch = batch};
}

}  // namespace linnet::tests
