// sampling/sampler.hpp - the chain of samplers that chooses the next token. Never computes a logit.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <linnet/base/config.hpp>
#include <linnet/sampling/candidates.hpp>
#include <linnet/sampling/dry.hpp>
#include <linnet/sampling/logit_bias.hpp>
#include <linnet/sampling/min_p.hpp>
#include <linnet/sampling/mirostat.hpp>
#include <linnet/sampling/options.hpp>
#include <linnet/sampling/penalties.hpp>
#include <linnet/sampling/random.hpp>
#include <linnet/sampling/temperature.hpp>
#include <linnet/sampling/top_k.hpp>
#include <linnet/sampling/top_n_sigma.hpp>
#include <linnet/sampling/top_p.hpp>
#include <linnet/sampling/typical.hpp>
#include <linnet/sampling/xtc.hpp>

namespace linnet {
namespace sampling {

/// Every sampler that a chain can hold. One more is its header and its name here; it has
/// - `names`: what SamplingOptions::order calls it, the first of them everywhere else;
/// - `removes_candidates`: whether greedy choice and Mirostat leave it out;
/// - a constructor from SamplingOptions (and, after them, what make_step in sampler.ipp can give), which
/// throws
///   Error(invalid_argument) for a value out of range; `active()`: whether it does anything with these
///   options;
/// - `apply(Candidates&)`, which leaves at least one; where it has a state, `accept(Token)` and `reset()`.
using Step = std::variant<LogitBias, Penalties, Dry, TopNSigma, TopK, Typical, TopP, MinP, Xtc, Temperature>;

}  // namespace sampling

/// `order` without the names that no sampler has. @throws Error(invalid_argument) for more than 64 samplers.
std::string known_samplers(std::string_view order);

/// Chooses tokens for one sequence. Copies go on independently, from the same state. One thread at a time.
class Sampler {
 public:
  /// @param vocabulary_size  logits per call, 1 or more.
  /// @param token_text  needed by DRY alone, to find its breakers; must outlive the sampler and its copies.
  /// @throws Error(invalid_argument) that names the option, its range and its value.
  Sampler(const SamplingOptions& options, std::int64_t vocabulary_size, TokenText token_text = {});

  /// The next token. Does not add it to the history: see accept().
  /// Logits that are NaN or -infinity are never chosen, +infinity counts as the largest finite number.
  /// @param logits  [vocabulary_size], unchanged.
  /// @throws Error(invalid_argument) where no logit is above -infinity, or the logit bias bans all that are.
  /// Cost: O(vocabulary_size), O(n log n) for n candidates that must be ordered (a large top_k) and for n
  /// tokens that penalties or DRY look back at; O(n * candidates) where these two come behind a sampler that
  /// orders. Allocates where there is more of either than in any call before: in the first ones, and while
  /// the history that is looked at grows.
  Token sample(std::span<const float> logits);

  /// Adds a token, chosen or given, to the history that penalties and DRY look at.
  /// @throws Error(invalid_argument) for a token outside the vocabulary.
  void accept(Token token);
  void accept(std::span<const Token> tokens);

  /// Forgets the history and starts the random numbers again from the seed.
  void reset();

  /// The seed in use: that of the options, or the one taken where they have none.
  std::uint64_t seed() const noexcept { return seed_; }
  /// The names of the samplers that are applied, in their order; the last is "greedy", "mirostat" or "draw".
  std::vector<std::string_view> steps() const;
  /// The tokens that the last call of sample() drew from. Empty where it was greedy and nothing changed the
  /// logits.
  std::span<const sampling::Candidate> candidates() const noexcept { return candidates_.items(); }

 private:
  Token draw();

  std::int64_t vocabulary_size_;
  std::uint64_t seed_;
  bool greedy_;
  sampling::Mirostat mirostat_;
  std::vector<sampling::Step> steps_;
  sampling::Random random_;
  sampling::Candidates candidates_;
  std::vector<double> cumulative_;  // scratch of draw()
};

}  // namespace linnet

#ifdef LINNET_HEADER_ONLY
#include <linnet/sampling/sampler.ipp>
#endif
