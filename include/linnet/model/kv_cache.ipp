// model/kv_cache.ipp - the body of kv_cache.hpp: pages and sequences. Prefixes are in kv_cache_prefixes.ipp.
#pragma once

#include <algorithm>
#include <cstring>

#include <linnet/base/checked.hpp>
#include <linnet/base/error.hpp>
#include <linnet/model/kv_cache.hpp>

namespace linnet {
namespace detail {

constexpr std::int64_t divide_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

}  // namespace detail

LINNET_INLINE KvCache::KvCache(const Spec& spec, const KvCacheOptions& options, bool allocate)
    : options_(options) {
  const auto check = [](const char* name, std::int64_t value, std::int64_t high) {
    if (value < 1 || value > high)
      fail(ErrorCode::invalid_argument, "key/value cache: ", name, " must be 1 to ", high, ", got ", value);
  };
  check("tokens", options.tokens, std::int64_t{1} << 31);
  check("max_sequences", options.max_sequences, 1 << 20);
  check("max_batch", options.max_batch, 1 << 20);
  const DType type = options.type;
  if (!kernels::is_cache_type(type))
    fail(ErrorCode::invalid_argument, "key/value cache: expected type f32, f16, bf16 or q8_0, got ",
         to_string(type));

  row_length_ = kernels::page_row_length(type, spec.head_dim);
  row_bytes_ = byte_size(type, row_length_);
  lay_out(spec);
  for (Group& group : groups_) count_pages(group);
  if (!allocate) return;
  for (Group& group : groups_) reserve(group);
}

LINNET_INLINE void KvCache::lay_out(const Spec& spec) {
  for (const LayerSpec& layer : spec.layers) {
    // A window as long as the cache hides nothing.
    const std::int64_t window = layer.window < options_.tokens ? layer.window : 0;
    auto group =
        std::find_if(groups_.begin(), groups_.end(), [&](const Group& g) { return g.window == window; });
    if (group == groups_.end()) {
      groups_.emplace_back().window = window;
      group = groups_.end() - 1;
    }
    layers_.push_back({static_cast<int>(group - groups_.begin()), layer.kv_heads, group->page_bytes});
    group->page_bytes += 2 * layer.kv_heads * page_length * row_bytes_;
  }
}

LINNET_INLINE void KvCache::count_pages(Group& group) const {
  const std::int64_t all = detail::divide_up(options_.tokens, page_length) + options_.max_sequences - 1;
  group.page_count = all;
  if (group.window > 0) {
    // The window, the batch being appended, and a page at either end that both only touch.
    const std::int64_t per_sequence = detail::divide_up(group.window + options_.max_batch, page_length) + 2;
    if (const auto windowed = checked_mul(static_cast<std::uint64_t>(per_sequence),
                                          static_cast<std::uint64_t>(options_.max_sequences)))
      group.never_full = static_cast<std::int64_t>(*windowed) <= all;
    if (group.never_full) group.page_count = per_sequence * options_.max_sequences;
  }
  const auto bytes =
      checked_mul(static_cast<std::uint64_t>(group.page_count), static_cast<std::uint64_t>(group.page_bytes));
  constexpr std::uint64_t any_memory = std::uint64_t{1} << 50;  // sums of a few groups do not overflow
  if (!bytes || *bytes > any_memory)
    fail(ErrorCode::invalid_argument, "key/value cache: ", options_.tokens, " tokens exceed any memory");
}

LINNET_INLINE void KvCache::reserve(Group& group) {
  group.memory = Buffer(static_cast<std::size_t>(group.page_count * group.page_bytes));
  group.pages.resize(static_cast<std::size_t>(group.page_count));
  for (PageId page = 0; page < group.page_count; ++page) group.free.push_back(page);
}

LINNET_INLINE std::int64_t KvCache::bytes() const {
  std::int64_t total = 0;
  for (const Group& group : groups_) total += group.page_count * group.page_bytes;
  return total;
}

LINNET_INLINE const KvCache::Sequence& KvCache::at(SequenceId sequence) const {
  const auto found = sequences_.find(sequence);
  if (found == sequences_.end())
    fail(ErrorCode::invalid_argument, "key/value cache: there is no sequence ", sequence);
  return found->second;
}

LINNET_INLINE KvCache::Sequence& KvCache::at(SequenceId sequence) {
  return const_cast<Sequence&>(std::as_const(*this).at(sequence));
}

LINNET_INLINE SequenceId KvCache::create() {
  if (static_cast<std::int64_t>(sequences_.size()) >= options_.max_sequences)
    fail(ErrorCode::context_full, "key/value cache: all ", options_.max_sequences,
         " sequences are in use; remove one, or create the cache with a larger max_sequences");
  Sequence sequence;
  sequence.pages.resize(groups_.size());
  sequences_.emplace(next_sequence_, std::move(sequence));
  return next_sequence_++;
}

LINNET_INLINE SequenceId KvCache::fork(SequenceId sequence) {
  at(sequence);  // an unknown sequence is the caller's first mistake
  const SequenceId copy = create();
  at(copy) = at(sequence);
  for (int g = 0; g < groups(); ++g)
    for (PageId page : at(copy).pages[static_cast<std::size_t>(g)]) share(g, page);
  return copy;
}

LINNET_INLINE void KvCache::remove(SequenceId sequence) {
  truncate(sequence, 0);
  sequences_.erase(sequence);
}

/// The first page that a token at position `length` sees, or that later tokens can.
LINNET_INLINE std::int64_t KvCache::first_kept_page(const Group& group, std::int64_t length) const {
  if (group.window == 0) return 0;
  return std::max<std::int64_t>(0, length - group.window + 1) / page_length;
}

LINNET_INLINE std::int64_t KvCache::earliest_truncation(SequenceId sequence) const {
  const Sequence& s = at(sequence);
  std::int64_t earliest = 0;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    const auto& pages = s.pages[g];
    const auto first = std::find_if(pages.begin(), pages.end(), [](PageId page) { return page != no_page; });
    const std::int64_t dropped = first - pages.begin();
    if (dropped > 0 && groups_[g].window > 0)
      earliest = std::max(earliest, dropped * page_length + groups_[g].window - 1);
  }
  return std::min(earliest, static_cast<std::int64_t>(s.tokens.size()));
}

LINNET_INLINE void KvCache::truncate(SequenceId sequence, std::int64_t length) {
  Sequence& s = at(sequence);
  const auto old_length = static_cast<std::int64_t>(s.tokens.size());
  if (length < 0 || length > old_length)
    fail(ErrorCode::invalid_argument, "truncate: expected a length of 0 to ", old_length, ", got ", length);
  if (length > 0 && length < earliest_truncation(sequence))
    fail(ErrorCode::invalid_argument, "truncate: windowed layers have dropped what position ", length,
         " sees; truncate to at least ", earliest_truncation(sequence), ", or to 0 and prefill again");
  const auto keep = static_cast<std::size_t>(detail::divide_up(length, page_length));
  for (int g = 0; g < groups(); ++g) {
    auto& pages = s.pages[static_cast<std::size_t>(g)];
    while (pages.size() > keep) {
      release(g, pages.back());
      pages.pop_back();
    }
  }
  s.tokens.resize(static_cast<std::size_t>(length));
  s.entries.resize(std::min(s.entries.size(), static_cast<std::size_t>(length / page_length)));
}

/// Pages to take for all of these. Follows who still shares a page: the last to leave it frees or keeps it.
LINNET_INLINE std::int64_t KvCache::pages_needed(std::span<const Growth> growths, int g) const {
  const Group& group = groups_[static_cast<std::size_t>(g)];
  std::unordered_map<PageId, int> left;
  const auto is_shared = [&](PageId page) {
    return group.pages[static_cast<std::size_t>(page)].users - left[page] > 1;
  };
  std::int64_t needed = 0;
  for (const Growth& growth : growths) {
    if (!growth.start_over) continue;
    needed += detail::divide_up(growth.tokens, page_length);
    for (PageId page : at(growth.sequence).pages[static_cast<std::size_t>(g)]) {
      if (page == no_page) continue;
      if (!is_shared(page)) --needed;
      ++left[page];
    }
  }
  for (const Growth& growth : growths) {
    if (growth.start_over || growth.tokens == 0) continue;
    const Sequence& s = at(growth.sequence);
    const auto& pages = s.pages[static_cast<std::size_t>(g)];
    const auto length = static_cast<std::int64_t>(s.tokens.size());
    needed +=
        detail::divide_up(length + growth.tokens, page_length) - static_cast<std::int64_t>(pages.size());
    if (length % page_length == 0 || !is_shared(pages.back())) continue;
    ++needed;  // a copy of the last
    ++left[pages.back()];
  }
  return needed;
}

LINNET_INLINE bool KvCache::has_room(SequenceId sequence, std::int64_t tokens) const {
  const Growth growth{.sequence = sequence, .tokens = tokens};
  for (int g = 0; g < groups(); ++g)
    if (pages_needed({&growth, 1}, g) >
        static_cast<std::int64_t>(groups_[static_cast<std::size_t>(g)].free.size()))
      return false;
  return true;
}

LINNET_INLINE bool KvCache::has_room(std::span<const Growth> growths) const {
  for (int g = 0; g < groups(); ++g) {
    const Group& group = groups_[static_cast<std::size_t>(g)];
    if (!group.never_full && pages_needed(growths, g) > static_cast<std::int64_t>(group.free.size()))
      return false;
  }
  return true;
}

LINNET_INLINE void KvCache::append(SequenceId sequence, std::span<const Token> tokens) {
  if (tokens.empty()) return;
  Sequence& s = at(sequence);
  if (!has_room(sequence, static_cast<std::int64_t>(tokens.size())))
    fail(ErrorCode::context_full, "the key/value cache is full: ", tokens.size(), " more tokens after ",
         s.tokens.size(), " do not fit into ", options_.tokens,
         "; use a larger context, or remove sequences");
  const std::size_t total = s.tokens.size() + tokens.size();
  const auto count =
      static_cast<std::size_t>(detail::divide_up(static_cast<std::int64_t>(total), page_length));
  s.tokens.reserve(total);
  if (s.tokens.empty()) s.root = root_;
  for (int g = 0; g < groups(); ++g) {
    auto& pages = s.pages[static_cast<std::size_t>(g)];
    if (s.tokens.size() % page_length != 0) make_writable(s, g, pages.size() - 1);
    pages.reserve(count);
    while (pages.size() < count) pages.push_back(take(g));
  }
  s.tokens.insert(s.tokens.end(), tokens.begin(), tokens.end());
}

LINNET_INLINE void KvCache::restore(SequenceId sequence, std::span<const Token> tokens,
                                    const FillPage& fill) {
  const auto length = static_cast<std::int64_t>(tokens.size());
  const Growth growth{.sequence = sequence, .tokens = length, .start_over = true};
  if (!has_room({&growth, 1}))
    fail(ErrorCode::context_full, "the key/value cache of ", options_.tokens, " tokens has no room for ",
         length, "; use a larger context, or remove sequences");
  truncate(sequence, 0);
  Sequence& s = at(sequence);
  const std::int64_t count = detail::divide_up(length, page_length);
  for (int g = 0; g < groups(); ++g) {
    auto& pages = s.pages[static_cast<std::size_t>(g)];
    pages.assign(static_cast<std::size_t>(count), no_page);
    for (std::int64_t i = first_kept_page(groups_[static_cast<std::size_t>(g)], length); i < count; ++i)
      pages[static_cast<std::size_t>(i)] = take(g);
  }
  s.tokens.assign(tokens.begin(), tokens.end());
  s.root = root_;
  for (std::int64_t layer = 0; layer < static_cast<std::int64_t>(layers_.size()); ++layer)
    for (std::int64_t i = first_kept_page(layer, length); i < count; ++i) {
      const auto bytes = keys_and_values(sequence, layer, i);
      fill(layer, i, {const_cast<std::byte*>(bytes.data()), bytes.size()});
    }
  commit(sequence);
}

LINNET_INLINE std::span<const std::byte> KvCache::keys_and_values(SequenceId sequence, std::int64_t layer,
                                                                  std::int64_t page) const {
  const auto g = static_cast<std::size_t>(group_of(layer));
  const PageId id = at(sequence).pages[g][static_cast<std::size_t>(page)];
  if (id == no_page) return {};
  return {groups_[g].memory.data() + id * groups_[g].page_bytes + key_offset(layer, 0),
          static_cast<std::size_t>(layer_bytes(layer))};
}

LINNET_INLINE void KvCache::make_writable(Sequence& s, int g, std::size_t index) {
  PageId& page = s.pages[static_cast<std::size_t>(g)][index];
  Group& group = groups_[static_cast<std::size_t>(g)];
  if (group.pages[static_cast<std::size_t>(page)].users == 1) return forget(g, page);
  const PageId copy = take(g);
  std::memcpy(group.memory.data() + copy * group.page_bytes, group.memory.data() + page * group.page_bytes,
              static_cast<std::size_t>(group.page_bytes));
  release(g, page);
  page = copy;
}

LINNET_INLINE KvCache::PageId KvCache::take(int g) {
  Group& group = groups_[static_cast<std::size_t>(g)];
  const PageId page = group.free.front();
  group.free.pop_front();
  forget(g, page);
  group.pages[static_cast<std::size_t>(page)].users = 1;
  return page;
}

LINNET_INLINE void KvCache::share(int g, PageId page) {
  if (page == no_page) return;
  Group& group = groups_[static_cast<std::size_t>(g)];
  if (group.pages[static_cast<std::size_t>(page)].users++ == 0)  // it waited among the free ones
    group.free.erase(std::find(group.free.begin(), group.free.end(), page));
}

LINNET_INLINE void KvCache::release(int g, PageId page) {
  if (page == no_page) return;
  Group& group = groups_[static_cast<std::size_t>(g)];
  Page& p = group.pages[static_cast<std::size_t>(page)];
  if (--p.users > 0) return;
  // What nobody can find is used again first; what can be found waits longest.
  if (p.entry == no_entry) {
    group.free.push_front(page);
  } else {
    group.free.push_back(page);
  }
}

LINNET_INLINE std::vector<std::byte*> KvCache::pages(SequenceId sequence, int g) const {
  const Group& group = groups_[static_cast<std::size_t>(g)];
  const auto& ids = at(sequence).pages[static_cast<std::size_t>(g)];
  std::vector<std::byte*> pointers;
  pointers.reserve(ids.size());
  auto* base = const_cast<std::byte*>(group.memory.data());
  for (PageId page : ids) pointers.push_back(page == no_page ? nullptr : base + page * group.page_bytes);
  return pointers;
}

LINNET_INLINE std::int64_t KvCache::key_offset(std::int64_t layer, std::int64_t head) const {
  return layers_[static_cast<std::size_t>(layer)].offset + head * page_length * row_bytes_;
}

LINNET_INLINE std::int64_t KvCache::value_offset(std::int64_t layer, std::int64_t head) const {
  return key_offset(layer, layers_[static_cast<std::size_t>(layer)].kv_heads + head);
}

}  // namespace linnet

#include <linnet/model/kv_cache_prefixes.ipp>
