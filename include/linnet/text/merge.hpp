// text/merge.hpp - joins neighbouring symbols, the best pair first: the heart of both tokenizers. Never knows
// what makes a pair good.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <queue>
#include <unordered_map>
#include <utility>
#include <vector>

#include <linnet/text/token.hpp>

namespace linnet {

/// A piece of a text while it is merged: its bytes [begin, end), and the token that they make or -1.
struct Symbol {
  std::uint32_t begin;
  std::uint32_t end;
  Token token;
};

/// What joining two symbols gives: lower ranks go first, and of equal ones the leftmost pair.
struct Merge {
  static constexpr std::uint32_t none = UINT32_MAX;
  std::uint32_t rank = none;  // none: the two do not join
  Token token = -1;
};

namespace detail {

// Pairs by (rank, position). A heap of all pairs would miss the cache at each step of a long text; here the
// heap is of ranks alone, and the positions of one rank lie in a list that is sorted once.
class MergeQueue {
 public:
  using Entry = std::pair<std::uint32_t, std::uint32_t>;  // rank, position

  bool empty() const { return ranks_.empty(); }

  void push(std::uint32_t rank, std::uint32_t position) {
    Bucket& bucket = buckets_[rank];
    if (bucket.empty()) ranks_.push(rank);
    // Into a list that is being read nothing can be put: what comes late has a heap of its own.
    if (bucket.open)
      bucket.late.push(position);
    else
      bucket.positions.push_back(position);
  }

  Entry pop() {
    const std::uint32_t rank = ranks_.top();
    const auto found = buckets_.find(rank);
    Bucket& bucket = found->second;
    if (!bucket.open) {
      bucket.open = true;
      if (!std::is_sorted(bucket.positions.begin(), bucket.positions.end()))
        std::sort(bucket.positions.begin(), bucket.positions.end());
    }
    const std::uint32_t position = bucket.pop();
    if (bucket.empty()) {
      buckets_.erase(found);
      ranks_.pop();
    }
    return {rank, position};
  }

 private:
  template <class T>
  using MinHeap = std::priority_queue<T, std::vector<T>, std::greater<T>>;

  struct Bucket {
    std::vector<std::uint32_t> positions;
    std::size_t read = 0;  // positions before this are gone
    MinHeap<std::uint32_t> late;
    bool open = false;

    bool empty() const { return read == positions.size() && late.empty(); }
    std::uint32_t pop() {
      const bool from_late = read == positions.size() || (!late.empty() && late.top() < positions[read]);
      if (!from_late) return positions[read++];
      const std::uint32_t position = late.top();
      late.pop();
      return position;
    }
  };

  MinHeap<std::uint32_t> ranks_;  // of the buckets, each once
  std::unordered_map<std::uint32_t, Bucket> buckets_;
};

// For the few symbols of a word, looking at all pairs for each merge is the fastest way.
template <class FindMerge>
void merge_short(std::vector<Symbol>& symbols, const FindMerge& find_merge) {
  constexpr std::size_t capacity = 32;
  Merge merges[capacity];  // merges[i] joins i and i + 1
  std::size_t count = symbols.size();
  for (std::size_t i = 0; i + 1 < count; ++i) merges[i] = find_merge(symbols[i], symbols[i + 1]);
  while (count > 1) {
    const Merge* best = std::min_element(merges, merges + count - 1,
                                         [](const Merge& a, const Merge& b) { return a.rank < b.rank; });
    if (best->rank == Merge::none) break;
    const auto i = static_cast<std::size_t>(best - merges);
    symbols[i] = {symbols[i].begin, symbols[i + 1].end, best->token};
    std::copy(symbols.begin() + static_cast<std::ptrdiff_t>(i) + 2, symbols.end(),
              symbols.begin() + static_cast<std::ptrdiff_t>(i) + 1);
    symbols.pop_back();
    std::copy(merges + i + 1, merges + count - 1, merges + i);
    --count;
    if (i > 0) merges[i - 1] = find_merge(symbols[i - 1], symbols[i]);
    if (i + 1 < count) merges[i] = find_merge(symbols[i], symbols[i + 1]);
  }
}

// The symbols of a long text as a linked list, so that a merge moves nothing.
template <class FindMerge>
class LongMerge {
 public:
  LongMerge(const std::vector<Symbol>& symbols, const FindMerge& find_merge) : find_merge_(find_merge) {
    const auto count = static_cast<std::uint32_t>(symbols.size());
    nodes_.reserve(count);
    for (std::uint32_t i = 0; i < count; ++i)
      nodes_.push_back({symbols[i], i - 1, i + 1 < count ? i + 1 : end, {}});
    for (std::uint32_t i = 0; i < count; ++i) find_pair(i);
  }

  void run() {
    while (!queue_.empty()) {
      const auto [rank, position] = queue_.pop();
      // A pair whose symbols have changed since it was queued has another rank now, or none.
      if (nodes_[position].merge.rank == rank) join(position);
    }
  }

  void write(std::vector<Symbol>& symbols) const {
    symbols.clear();
    for (std::uint32_t i = 0; i != end; i = nodes_[i].next) symbols.push_back(nodes_[i].symbol);
  }

 private:
  static constexpr std::uint32_t end = UINT32_MAX;  // also what comes before the first: 0 - 1

  struct Node {
    Symbol symbol;
    std::uint32_t previous, next;
    Merge merge;  // with the next
  };

  void find_pair(std::uint32_t i) {
    Node& node = nodes_[i];
    node.merge = node.next == end ? Merge{} : find_merge_(node.symbol, nodes_[node.next].symbol);
    if (node.merge.rank != Merge::none) queue_.push(node.merge.rank, i);
  }

  void join(std::uint32_t i) {
    Node& left = nodes_[i];
    Node& right = nodes_[left.next];
    left.symbol = {left.symbol.begin, right.symbol.end, left.merge.token};
    left.next = right.next;
    right.merge = {};
    if (left.next != end) nodes_[left.next].previous = i;
    if (left.previous != end) find_pair(left.previous);
    find_pair(i);
  }

  const FindMerge& find_merge_;
  std::vector<Node> nodes_;
  MergeQueue queue_;
};

}  // namespace detail

/// Joins the pair of neighbours with the lowest rank, the leftmost of equals, until none joins.
/// `find_merge(const Symbol& left, const Symbol& right)` gives the Merge of two neighbours.
/// Cost: O(n log n) in the number of symbols, near linear for uniform text; no recursion.
template <class FindMerge>
void merge_symbols(std::vector<Symbol>& symbols, const FindMerge& find_merge) {
  if (symbols.size() <= 32) return detail::merge_short(symbols, find_merge);
  detail::LongMerge<FindMerge> merge(symbols, find_merge);
  merge.run();
  merge.write(symbols);
}

}  // namespace linnet
