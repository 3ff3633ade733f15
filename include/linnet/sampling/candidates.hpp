// sampling/candidates.hpp - the tokens that may still be chosen, with their logits. Never knows a sampler.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include <linnet/sampling/math.hpp>
#include <linnet/text/token.hpp>

namespace linnet::sampling {

struct Candidate {
  Token id;
  float logit;
};

/// The higher logit, and of equal ones the lower id: a total order, so that no result depends on how it is
/// sorted.
constexpr bool better(const Candidate& a, const Candidate& b) noexcept {
  return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
}

/// Calls visit(item) in the order of `before` until it returns false, and orders little more than what it
/// visits. Returns how many were visited; these are the first of `items` then. Cost: O(n) for few, O(n log n)
/// for all.
template <class T, class Before, class Visit>
std::size_t visit_in_order(std::span<T> items, Before before, Visit visit) {
  std::size_t visited = 0;
  for (std::size_t chunk = 256; visited < items.size(); chunk *= 8) {
    const std::span<T> rest = items.subspan(visited);
    const auto end = rest.begin() + static_cast<std::ptrdiff_t>(std::min(chunk, rest.size()));
    if (end != rest.end()) std::nth_element(rest.begin(), end, rest.end(), before);
    std::sort(rest.begin(), end, before);
    for (auto item = rest.begin(); item != end; ++item) {
      ++visited;
      if (!visit(*item)) return visited;
    }
  }
  return visited;
}

/// The tokens that may still be chosen. They lie in one of two orders: by rising id as they came, or best
/// first
/// (`better`). Sums run in that order and in double, so they too have the same bits everywhere.
/// Probabilities are weight(candidate) / total_weight(); they are not stored.
class Candidates {
 public:
  /// Starts again with a logit for each id from 0 on. NaN and -infinity are left out: what they stand for is
  /// never chosen. +infinity counts as the largest finite number. Allocates only when the vocabulary grows.
  void assign(std::span<const float> logits) {
    items_.resize(logits.size());
    std::size_t count = 0;
    for (std::size_t id = 0; id < logits.size(); ++id) {
      items_[count] = {static_cast<Token>(id), std::min(logits[id], largest)};
      count += logits[id] > -std::numeric_limits<float>::infinity() ? std::size_t{1} : std::size_t{0};
    }
    items_.resize(count);
    best_first_ = false;
  }

  std::span<const Candidate> items() const noexcept { return items_; }
  std::size_t size() const noexcept { return items_.size(); }
  bool empty() const noexcept { return items_.empty(); }

  /// The best one. @pre not empty.
  const Candidate& best() const noexcept {
    return best_first_ ? items_.front() : *std::min_element(items_.begin(), items_.end(), better);
  }

  /// e^(logit - best logit): in [0, 1].
  static double weight(const Candidate& candidate, double best_logit) noexcept {
    return exp_negative(static_cast<double>(candidate.logit) - best_logit);
  }
  double total_weight(double best_logit) const noexcept {
    double sum = 0;
    for (const Candidate& candidate : items_) sum += weight(candidate, best_logit);
    return sum;
  }

  /// Orders all, best first.
  void sort() {
    if (!best_first_) std::sort(items_.begin(), items_.end(), better);
    best_first_ = true;
  }

  /// Keeps the k best, ordered. One pass for a small k.
  void keep_best(std::size_t k) {
    if (k < items_.size()) {
      if (!best_first_) select(k);
      items_.resize(k);
    }
    sort();
  }

  /// Goes from the best to worse ones while more(candidate) says so, and keeps those gone over, the last
  /// included.
  template <class More>
  void keep_best_while(More more) {
    std::size_t kept = 0;
    if (best_first_) {
      while (kept < items_.size() && more(items_[kept++])) {
      }
    } else {
      kept = visit_in_order(std::span(items_), better, more);
    }
    items_.resize(kept);
    best_first_ = true;
  }

  /// Keeps those for which keep(candidate) holds, in their order.
  template <class Keep>
  void keep_if(Keep keep) {
    std::erase_if(items_, [&](const Candidate& candidate) { return !keep(candidate); });
  }

  /// Replaces each logit x by change(x), which must not reverse an order.
  template <class Change>
  void change_all(Change change) {
    for (Candidate& candidate : items_) candidate.logit = to_float(change(candidate.logit));
  }

  /// For each (token, amount) of `changes` whose token is still there, its logit x becomes change(x, amount);
  /// -infinity removes it. No token may come twice.
  template <class Changes, class Change>
  void change_some(const Changes& changes, Change change) {
    for (const auto& [token, amount] : changes)
      if (Candidate* const candidate = find(token))
        candidate->logit = to_float(change(static_cast<double>(candidate->logit), amount));
    keep_if([](const Candidate& candidate) { return candidate.logit >= -largest; });
    if (best_first_) std::sort(items_.begin(), items_.end(), better);
  }

 private:
  static constexpr float largest = std::numeric_limits<float>::max();

  /// -infinity stays, which only a logit bias gives; all else is held to the finite numbers.
  static float to_float(double logit) noexcept {
    if (logit == -std::numeric_limits<double>::infinity()) return -std::numeric_limits<float>::infinity();
    return static_cast<float>(std::clamp(logit, -double{largest}, double{largest}));
  }

  Candidate* find(Token token) {
    const auto by_id = [](const Candidate& candidate, Token id) { return candidate.id < id; };
    const auto found =
        best_first_ ? std::find_if(items_.begin(), items_.end(), [&](auto& c) { return c.id == token; })
                    : std::lower_bound(items_.begin(), items_.end(), token, by_id);
    return found != items_.end() && found->id == token ? &*found : nullptr;
  }

  /// Brings the k best to the front, in no order: those that beat the worst of the best so far gather in the
  /// first 2k places, and each time that these are full the better half stays. @pre 0 < k < size
  void select(std::size_t k) {
    const auto at = [&](std::size_t i) { return items_.begin() + static_cast<std::ptrdiff_t>(i); };
    const auto halve = [&](std::size_t filled) { std::nth_element(at(0), at(k - 1), at(filled), better); };
    std::size_t filled = std::min(2 * k, items_.size());
    halve(filled);
    if (filled == items_.size()) return;
    filled = k;
    Candidate worst = items_[k - 1];
    for (std::size_t i = 2 * k; i < items_.size(); ++i) {
      if (!better(items_[i], worst)) continue;
      items_[filled++] = items_[i];
      if (filled < 2 * k) continue;
      halve(filled);
      filled = k;
      worst = items_[k - 1];
    }
    halve(filled);
  }

  std::vector<Candidate> items_;
  bool best_first_ = false;
};

/// The entropy of the candidates' probabilities, in nats: log(total) - sum(weight * (logit - best)) / total.
inline double entropy(const Candidates& candidates) {
  const double best = candidates.best().logit;
  double total = 0, sum = 0;
  for (const Candidate& candidate : candidates.items()) {
    const double weight = Candidates::weight(candidate, best);
    total += weight;
    sum += weight * (candidate.logit - best);
  }
  return log_positive(total) - sum / total;
}

}  // namespace linnet::sampling
