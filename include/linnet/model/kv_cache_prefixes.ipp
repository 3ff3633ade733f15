// model/kv_cache_prefixes.ipp - the body of kv_cache.hpp: pages that hold known tokens, found again by later
// sequences. Never reads keys or values.
#pragma once

#include <algorithm>

#include <linnet/model/kv_cache.hpp>

namespace linnet {

/// Makes a page's content unfindable, because it is about to change.
LINNET_INLINE void KvCache::forget(int g, PageId page) {
  Page& p = groups_[static_cast<std::size_t>(g)].pages[static_cast<std::size_t>(page)];
  if (p.entry == no_entry) return;
  Entry& entry = entries_.at(p.entry);
  entry.pages[static_cast<std::size_t>(g)] = no_page;
  if (std::all_of(entry.pages.begin(), entry.pages.end(), [](PageId id) { return id == no_page; })) {
    index_.erase(entry.key);
    entries_.erase(p.entry);
  }
  p.entry = no_entry;
}

LINNET_INLINE void KvCache::commit(SequenceId sequence) {
  Sequence& s = at(sequence);
  const auto length = static_cast<std::int64_t>(s.tokens.size());
  const auto full = static_cast<std::size_t>(length / page_length);
  for (std::size_t i = s.entries.size(); i < full; ++i) {
    const bool dropped =
        std::all_of(s.pages.begin(), s.pages.end(), [&](const auto& pages) { return pages[i] == no_page; });
    if (dropped) {  // by its windows, before it came here: there is nothing to find, nor anything to erase
                    // later
      s.entries.push_back(next_entry_++);
      continue;
    }
    const EntryId parent = i == 0 ? s.root : s.entries[i - 1];
    const auto first = s.tokens.begin() + static_cast<std::ptrdiff_t>(i) * page_length;
    PrefixKey key{parent, {first, first + page_length}};
    const auto [found, added] = index_.try_emplace(std::move(key), next_entry_);
    if (added) {
      entries_.emplace(next_entry_++, Entry{found->first, std::vector<PageId>(groups_.size(), no_page)});
    }
    s.entries.push_back(found->second);
    Entry& entry = entries_.at(found->second);
    for (std::size_t g = 0; g < groups_.size(); ++g) {
      const PageId page = s.pages[g][i];
      if (page == no_page || entry.pages[g] != no_page) continue;
      entry.pages[g] = page;
      groups_[g].pages[static_cast<std::size_t>(page)].entry = found->second;
    }
  }
  for (int g = 0; g < groups(); ++g) {
    auto& pages = s.pages[static_cast<std::size_t>(g)];
    const auto kept = static_cast<std::size_t>(first_kept_page(groups_[static_cast<std::size_t>(g)], length));
    for (std::size_t i = std::min(kept, pages.size()); i-- > 0 && pages[i] != no_page;) {
      release(g, pages[i]);
      pages[i] = no_page;
    }
  }
}

LINNET_INLINE const KvCache::Entry* KvCache::find_child(EntryId parent, std::span<const Token> tokens,
                                                        EntryId& id) const {
  const auto found = index_.find({parent, {tokens.begin(), tokens.end()}});
  if (found == index_.end()) return nullptr;
  id = found->second;
  return &entries_.at(id);
}

/// Whether the group's pages that a token after this chain of prefixes sees are all still there.
LINNET_INLINE bool KvCache::holds_window(const Group& group, int g, std::span<const EntryId> chain) const {
  const std::int64_t length = static_cast<std::int64_t>(chain.size()) * page_length;
  for (auto i = static_cast<std::size_t>(first_kept_page(group, length)); i < chain.size(); ++i)
    if (entries_.at(chain[i]).pages[static_cast<std::size_t>(g)] == no_page) return false;
  return true;
}

LINNET_INLINE std::int64_t KvCache::adopt_prefix(SequenceId sequence, std::span<const Token> tokens) {
  Sequence& s = at(sequence);
  if (!s.tokens.empty() || tokens.empty()) return static_cast<std::int64_t>(s.tokens.size());
  std::vector<EntryId> chain;
  const std::size_t most = (tokens.size() - 1) / page_length;
  for (EntryId parent = root_; chain.size() < most;) {
    EntryId id = no_entry;
    if (!find_child(parent, tokens.subspan(chain.size() * page_length, page_length), id)) break;
    chain.push_back(parent = id);
  }
  const auto usable = [&] {
    for (int g = 0; g < groups(); ++g)
      if (!holds_window(groups_[static_cast<std::size_t>(g)], g, chain)) return false;
    return true;
  };
  while (!chain.empty() && !usable()) chain.pop_back();

  for (int g = 0; g < groups(); ++g) {
    auto& pages = s.pages[static_cast<std::size_t>(g)];
    const std::int64_t first = first_kept_page(groups_[static_cast<std::size_t>(g)],
                                               static_cast<std::int64_t>(chain.size()) * page_length);
    for (std::size_t i = 0; i < chain.size(); ++i) {
      const PageId page = static_cast<std::int64_t>(i) < first
                              ? no_page
                              : entries_.at(chain[i]).pages[static_cast<std::size_t>(g)];
      pages.push_back(page);
      share(g, page);
    }
  }
  s.tokens.assign(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(chain.size()) * page_length);
  s.entries = std::move(chain);
  s.root = root_;
  return static_cast<std::int64_t>(s.tokens.size());
}

}  // namespace linnet
