// model/kv_cache.hpp - keys and values of any number of sequences in shared, fixed-size pages. Never computes
// with them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include <linnet/base/buffer.hpp>
#include <linnet/base/dtype.hpp>
#include <linnet/kernels/kv_page.hpp>
#include <linnet/model/spec.hpp>
#include <linnet/text/token.hpp>

namespace linnet {

/// A sequence of the cache. Ids are not used again.
using SequenceId = std::int64_t;

struct KvCacheOptions {
  DType type = DType::f16;         // f32, f16, bf16 or q8_0
  std::int64_t tokens = 4096;      // positions of all sequences together; rounded up to whole pages
  std::int64_t max_sequences = 1;  // at most this many at once
  std::int64_t max_batch =
      512;  // most tokens appended at once; windowed layers keep window + max_batch positions
};

/// Positions are stored in pages of page_length tokens. A page holds the keys and values of all layers of a
/// group: the layers that see everything are one group, the layers with a window another, whose pages are
/// given back when no later token can see them. fork() shares pages; a shared page is copied when one side
/// writes to it. A page whose tokens are known stays findable until its memory is needed, so that a later
/// sequence that starts with the same tokens adopts it. Not thread-safe.
class KvCache {
 public:
  static constexpr std::int64_t page_length = kernels::page_length;

  /// @throws Error(out_of_memory), Error(invalid_argument) for sizes out of range or a type that cannot be
  /// cached.
  KvCache(const Spec& spec, const KvCacheOptions& options) : KvCache(spec, options, true) {}
  /// The bytes() that such a cache would have. @throws Error(invalid_argument) as the constructor.
  static std::int64_t required_bytes(const Spec& spec, const KvCacheOptions& options) {
    return KvCache(spec, options, false).bytes();
  }

  /// A new, empty sequence. @throws Error(context_full) where max_sequences exist.
  SequenceId create();
  /// A new sequence with the same tokens. Cost: O(pages); copies no keys. @throws as create().
  SequenceId fork(SequenceId sequence);
  void remove(SequenceId sequence);
  /// Forgets the positions from `length` on. @throws Error(invalid_argument) where windowed layers no longer
  /// hold what a token at `length` would see; see earliest_truncation().
  void truncate(SequenceId sequence, std::int64_t length);
  /// The smallest length above 0 to which this sequence can be truncated. 0 always works.
  std::int64_t earliest_truncation(SequenceId sequence) const;

  std::int64_t length(SequenceId sequence) const {
    return static_cast<std::int64_t>(at(sequence).tokens.size());
  }
  std::span<const Token> tokens(SequenceId sequence) const { return at(sequence).tokens; }

  /// Makes an empty sequence start with the longest run of whole pages that holds a prefix of `tokens`, but
  /// never all of them (the last must be computed to have logits). Returns how many positions it now has.
  std::int64_t adopt_prefix(SequenceId sequence, std::span<const Token> tokens);

  /// No prefix that is known now will be adopted by a sequence again: the same tokens will have other keys.
  void forget_prefixes() { root_ = next_entry_++; }

  /// Appends positions for tokens, not those of tokens() itself, whose keys and values the caller then
  /// writes. All or nothing.
  /// @throws Error(context_full) where no page is left.
  void append(SequenceId sequence, std::span<const Token> tokens);
  /// Says that the keys and values of all positions are written: full pages become findable, and pages that
  /// windows have left behind are given back.
  void commit(SequenceId sequence);

  /// Writes the keys and values of one layer for one page of positions: layer_bytes(layer) bytes.
  using FillPage = std::function<void(std::int64_t layer, std::int64_t page, std::span<std::byte> bytes)>;
  /// Makes a sequence hold these tokens, computed elsewhere, in place of its own. `fill` is called for every
  /// layer and page that a later token can see, and must not throw. @throws Error(context_full) where they
  /// find no room: nothing has changed then.
  void restore(SequenceId sequence, std::span<const Token> tokens, const FillPage& fill);
  /// What restore() needs of a sequence: a layer's keys and values in one page, empty where a window has left
  /// it. Valid until the sequence changes. @pre page < ceil(length / page_length).
  std::span<const std::byte> keys_and_values(SequenceId sequence, std::int64_t layer,
                                             std::int64_t page) const;
  std::int64_t layer_bytes(std::int64_t layer) const {
    return 2 * layers_[static_cast<std::size_t>(layer)].kv_heads * page_length * row_bytes_;
  }
  /// The first page of a layer that a token at position `length` sees, or that later tokens can.
  std::int64_t first_kept_page(std::int64_t layer, std::int64_t length) const {
    return first_kept_page(groups_[static_cast<std::size_t>(group_of(layer))], length);
  }

  /// What a sequence is about to grow by.
  struct Growth {
    SequenceId sequence = 0;
    std::int64_t tokens = 0;
    bool start_over = false;  // truncated to 0 first
  };
  /// Whether append() of this many tokens would find pages. Counts what can be evicted.
  bool has_room(SequenceId sequence, std::int64_t tokens) const;
  /// Whether different sequences can all grow so, first truncated and then appended to in pieces of at most
  /// max_batch tokens, with commit() after each: windowed layers then give pages back on the way.
  bool has_room(std::span<const Growth> growths) const;

  /// The pages of one sequence for the layer's group, by position / page_length. Null where a window has left
  /// it. Valid until the sequence changes.
  std::vector<std::byte*> pages(SequenceId sequence, int group) const;
  int group_of(std::int64_t layer) const { return layers_[static_cast<std::size_t>(layer)].group; }
  int groups() const { return static_cast<int>(groups_.size()); }
  /// Where in a page the keys (values) of a layer's head start; kernels/kv_page.hpp says how they lie.
  std::int64_t key_offset(std::int64_t layer, std::int64_t head) const;
  std::int64_t value_offset(std::int64_t layer, std::int64_t head) const;

  DType type() const { return options_.type; }
  std::int64_t row_bytes() const { return row_bytes_; }
  /// Values of a row in the cache: head_dim, rounded up to whole blocks.
  std::int64_t row_length() const { return row_length_; }
  /// Bytes reserved for pages.
  std::int64_t bytes() const;
  /// How many sequences there are.
  std::int64_t sequences() const { return static_cast<std::int64_t>(sequences_.size()); }
  /// Positions that sequences use or that are free, at most: the capacity that was asked for.
  std::int64_t capacity() const { return options_.tokens; }

 private:
  using PageId = std::int32_t;
  using EntryId = std::int64_t;
  static constexpr PageId no_page = -1;
  static constexpr EntryId no_entry = -1;

  struct Page {
    int users = 0;
    EntryId entry = no_entry;  // the prefix whose last page this is, where it is findable
  };
  struct Group {
    std::int64_t window = 0;  // 0: sees everything
    bool never_full = false;  // has pages for every sequence's window and a batch on top
    std::int64_t page_bytes = 0, page_count = 0;
    Buffer memory;
    std::vector<Page> pages;
    std::deque<PageId> free;  // taken from the front; findable pages wait at the back
  };
  struct Layer {
    int group = 0;
    std::int64_t kv_heads = 0;
    std::int64_t offset = 0;  // of its keys in a page
  };
  /// A prefix that ends with a full page: the prefix before it, and the tokens of the page.
  struct PrefixKey {
    EntryId parent;
    std::vector<Token> tokens;
    auto operator<=>(const PrefixKey&) const = default;
  };
  struct Entry {
    PrefixKey key;
    std::vector<PageId> pages;  // by group; no_page where it was evicted
  };
  struct Sequence {
    std::vector<Token> tokens;
    std::vector<std::vector<PageId>> pages;  // by group, by position / page_length
    std::vector<EntryId> entries;            // by full page
    EntryId root = 0;                        // before the first of them
  };

  const Sequence& at(SequenceId sequence) const;
  Sequence& at(SequenceId sequence);
  KvCache(const Spec& spec, const KvCacheOptions& options, bool allocate);
  void lay_out(const Spec& spec);
  void count_pages(Group& group) const;
  static void reserve(Group& group);
  std::int64_t first_kept_page(const Group& group, std::int64_t length) const;
  std::int64_t pages_needed(std::span<const Growth> growths, int group) const;
  PageId take(int group);
  void share(int group, PageId page);
  void release(int group, PageId page);
  void forget(int group, PageId page);
  void make_writable(Sequence& sequence, int group, std::size_t index);
  const Entry* find_child(EntryId parent, std::span<const Token> tokens, EntryId& id) const;
  bool holds_window(const Group& group, int index, std::span<const EntryId> chain) const;

  KvCacheOptions options_;
  std::int64_t row_length_ = 0, row_bytes_ = 0;
  std::vector<Layer> layers_;
  std::vector<Group> groups_;
  std::map<SequenceId, Sequence> sequences_;
  SequenceId next_sequence_ = 1;
  std::map<PrefixKey, EntryId> index_;
  std::unordered_map<EntryId, Entry> entries_;
  EntryId root_ = 0;  // what comes before the first page of every prefix
  EntryId next_entry_ = 1;
};

}  // namespace linnet

#ifdef LINNET_HEADER_ONLY
#include <linnet/model/kv_cache.ipp>
#endif
