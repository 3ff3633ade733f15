// sampling/sampler.ipp - the body of sampler.hpp: builds the chain from the options, applies it and draws.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <numeric>
#include <optional>
#include <random>
#include <string>
#include <type_traits>
#include <utility>

#include <linnet/sampling/greedy.hpp>
#include <linnet/sampling/sampler.hpp>

namespace linnet {
namespace sampling {

/// Generators of one seed: the draw has this stream, samplers that need numbers of their own have others.
inline constexpr std::uint64_t draw_stream = 1;

/// What samplers are made from.
struct Setup {
  const SamplingOptions& options;
  std::int64_t vocabulary_size;
  std::uint64_t seed;
  const TokenText& token_text;
};

template <class S>
S make_step(const Setup& setup) {
  if constexpr (std::is_constructible_v<S, const SamplingOptions&>)
    return S(setup.options);
  else if constexpr (std::is_same_v<S, LogitBias>)
    return S(setup.options, setup.vocabulary_size);
  else if constexpr (std::is_constructible_v<S, const SamplingOptions&, const TokenText&>)
    return S(setup.options, setup.token_text);
  else
    return S(setup.options, setup.seed);
}

/// One of each sampler, in the order of the list; also those not asked for, so that all options are checked.
template <class... Samplers>
std::vector<Step> make_steps(const Setup& setup, const std::variant<Samplers...>*) {
  std::vector<Step> steps;
  (steps.emplace_back(make_step<Samplers>(setup)), ...);
  return steps;
}

inline std::span<const std::string_view> names_of(const Step& step) {
  return std::visit([](const auto& sampler) { return std::span<const std::string_view>(sampler.names); },
                    step);
}

/// Which of the list has this name, hyphens counting as underscores; the list's length where none has.
LINNET_INLINE std::size_t find_step(const std::vector<Step>& list, std::string_view name) {
  std::string wanted(name);
  std::replace(wanted.begin(), wanted.end(), '-', '_');
  const auto has_name = [&](const Step& step) {
    const auto names = names_of(step);
    return std::find(names.begin(), names.end(), wanted) != names.end();
  };
  return static_cast<std::size_t>(std::find_if(list.begin(), list.end(), has_name) - list.begin());
}

[[noreturn]] LINNET_INLINE void fail_unknown_step(const std::vector<Step>& list, std::string_view name) {
  std::string known;
  for (const Step& step : list) known += concat(known.empty() ? "" : ", ", names_of(step).front());
  fail(ErrorCode::invalid_argument, "order: expected samplers out of ", known, ", separated by ';', got \"",
       name, "\"");
}

/// The parts of "a;b;c" without spaces around them; empty parts are left out.
LINNET_INLINE std::vector<std::string_view> split_order(std::string_view text) {
  constexpr std::size_t most = 64;
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(';'), text.size());
    std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    part.remove_prefix(std::min(part.find_first_not_of(' '), part.size()));
    part = part.substr(0, part.find_last_not_of(' ') + 1);
    if (!part.empty()) parts.push_back(part);
    if (parts.size() > most)
      fail(ErrorCode::invalid_argument, "order: expected at most ", most, " samplers, got more");
  }
  return parts;
}

/// The samplers that do something, in the order asked for. The bias comes first unless it is placed.
LINNET_INLINE std::vector<Step> make_chain(const Setup& setup, bool greedy, bool mirostat) {
  const std::vector<Step> list = make_steps(setup, static_cast<const Step*>(nullptr));
  std::vector<std::size_t> order;
  for (const std::string_view name : split_order(setup.options.order)) {
    order.push_back(find_step(list, name));
    if (order.back() == list.size()) fail_unknown_step(list, name);
  }
  const std::size_t bias = find_step(list, LogitBias::names[0]);
  if (std::find(order.begin(), order.end(), bias) == order.end()) order.insert(order.begin(), bias);
  std::vector<Step> chain;
  const auto counts = [&](const auto& sampler) {
    if (sampler.removes_candidates && (greedy || mirostat)) return false;
    if (std::is_same_v<std::decay_t<decltype(sampler)>, Temperature> && greedy) return false;
    return sampler.active();
  };
  for (const std::size_t i : order)
    if (std::visit(counts, list[i])) chain.push_back(list[i]);
  return chain;
}

LINNET_INLINE std::uint64_t random_seed() {
  std::random_device device;
  return static_cast<std::uint64_t>(device()) << 32 | device();
}

LINNET_INLINE std::int64_t checked_vocabulary(std::int64_t size) {
  check_option<std::int64_t>("vocabulary_size", size, 1, std::numeric_limits<Token>::max());
  return size;
}

}  // namespace sampling

LINNET_INLINE std::string known_samplers(std::string_view order) {
  const TokenText no_text;
  const auto list = sampling::make_steps({{}, 1, 0, no_text}, static_cast<const sampling::Step*>(nullptr));
  std::string known;
  for (const std::string_view name : sampling::split_order(order))
    if (sampling::find_step(list, name) < list.size()) known += concat(known.empty() ? "" : ";", name);
  return known;
}

LINNET_INLINE Sampler::Sampler(const SamplingOptions& options, std::int64_t vocabulary_size,
                               TokenText token_text)
    : vocabulary_size_(sampling::checked_vocabulary(vocabulary_size)),
      seed_(options.seed ? *options.seed : sampling::random_seed()),
      greedy_(options.temperature <= 0),
      mirostat_(options),
      steps_(
          sampling::make_chain({options, vocabulary_size, seed_, token_text}, greedy_, mirostat_.active())),
      random_(seed_, sampling::draw_stream) {}

LINNET_INLINE Token Sampler::sample(std::span<const float> logits) {
  if (static_cast<std::int64_t>(logits.size()) != vocabulary_size_)
    fail(ErrorCode::invalid_argument, "logits: expected ", vocabulary_size_, " (the vocabulary), got ",
         logits.size());
  std::optional<Token> best;
  if (greedy_ && steps_.empty()) {
    best = sampling::greedy(logits);
  } else {
    candidates_.assign(logits);
    for (sampling::Step& step : steps_)
      if (!candidates_.empty()) std::visit([&](auto& sampler) { sampler.apply(candidates_); }, step);
    if (!candidates_.empty()) best = greedy_ ? candidates_.best().id : draw();
  }
  if (!best)
    fail(ErrorCode::invalid_argument, "logits: expected a number above -infinity among ", logits.size(),
         ", after the logit bias there is none; the model's output is broken or the bias bans all");
  return *best;
}

LINNET_INLINE Token Sampler::draw() {
  if (mirostat_.active()) mirostat_.apply(candidates_);
  const auto items = candidates_.items();
  const double best = candidates_.best().logit;
  cumulative_.resize(items.size());
  std::transform(items.begin(), items.end(), cumulative_.begin(),
                 [&](const auto& candidate) { return sampling::Candidates::weight(candidate, best); });
  std::partial_sum(cumulative_.begin(), cumulative_.end(), cumulative_.begin());
  const double total = cumulative_.back();
  // uniform() < 1, yet the product may round up to the total: then it is the last one that has any weight.
  const double target = random_.uniform() * total;
  auto found = std::upper_bound(cumulative_.begin(), cumulative_.end(), target);
  if (found == cumulative_.end()) found = std::lower_bound(cumulative_.begin(), cumulative_.end(), total);
  const sampling::Candidate& chosen = items[static_cast<std::size_t>(found - cumulative_.begin())];
  if (mirostat_.active()) {
    const double probability = sampling::Candidates::weight(chosen, best) / total;
    mirostat_.observe(-sampling::log_positive(probability) / sampling::ln2);
  }
  return chosen.id;
}

LINNET_INLINE void Sampler::accept(Token token) {
  sampling::check_option<std::int64_t>("token", token, 0, vocabulary_size_ - 1);
  for (sampling::Step& step : steps_)
    std::visit(
        [&](auto& sampler) {
          if constexpr (requires { sampler.accept(token); }) sampler.accept(token);
        },
        step);
}

LINNET_INLINE void Sampler::accept(std::span<const Token> tokens) {
  for (const Token token : tokens) accept(token);
}

LINNET_INLINE void Sampler::reset() {
  random_ = sampling::Random(seed_, sampling::draw_stream);
  mirostat_.reset();
  for (sampling::Step& step : steps_)
    std::visit(
        [](auto& sampler) {
          if constexpr (requires { sampler.reset(); }) sampler.reset();
        },
        step);
}

LINNET_INLINE std::vector<std::string_view> Sampler::steps() const {
  std::vector<std::string_view> names;
  for (const sampling::Step& step : steps_) names.push_back(sampling::names_of(step).front());
  names.push_back(greedy_ ? "greedy" : mirostat_.active() ? "mirostat" : "draw");
  return names;
}

}  // namespace linnet
