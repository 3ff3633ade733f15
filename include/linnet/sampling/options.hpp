// sampling/options.hpp - what a user may ask of the choice of tokens. Never chooses.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <linnet/base/error.hpp>
#include <linnet/text/token.hpp>

namespace linnet {

/// How text is generated: when it ends, and how each token is chosen. The fields that stand alone here are
/// turned off by the value in their comment; a value out of range is an Error(invalid_argument) of the
/// Sampler's constructor.
struct SamplingOptions {
  std::int64_t max_tokens = 256;  // tokens to generate at most; below 0: until the text or the context ends
  std::vector<std::string> stop = {};  // texts that end the generation; they are not given out, but
                                       // their tokens stay in the session

  /// Logits are divided by it. 0 or less: always the token with the highest logit (greedy); the logit bias,
  /// penalties and DRY still count then, all else is left out.
  float temperature = 0.8f;
  float dynatemp_range = 0.0f;     // the temperature moves by up to this with the entropy; 0: it stays
  float dynatemp_exponent = 1.0f;  // shape of that movement: 1 is linear in the entropy
  int top_k = 40;                  // keep the k best; 0: all
  float top_p = 0.95f;             // keep the best that make up this probability; 1: all
  float min_p = 0.05f;             // keep what has this share of the best one's probability; 0: all
  float typical_p = 1.0f;          // keep the most typical that make up this probability; 1: all
  float top_n_sigma = -1.0f;  // keep what is within n standard deviations of the best logit; 0 or less: all

  float xtc_probability = 0.0f;  // how often the top choices are excluded; 0: never
  float xtc_threshold = 0.1f;    // what counts as a top choice; above 0.5 there are never two

  int penalty_last_n = 64;         // tokens that the three penalties look back at; 0: none, -1: all
  float penalty_repeat = 1.0f;     // logits of tokens seen are divided (below zero: multiplied) by it; 1: off
  float penalty_frequency = 0.0f;  // taken from the logit for each time that the token was seen
  float penalty_presence = 0.0f;   // taken from the logit once if the token was seen

  float dry_multiplier = 0.0f;  // size of the penalty on tokens that would go on with a repetition; 0: off
  float dry_base = 1.75f;       // it grows by this for each token by which the repetition is longer ...
  int dry_allowed_length = 2;   // ... than this
  int dry_last_n = 64;          // tokens in which repetitions are looked for; 0: none, -1: all
  std::vector<std::string> dry_breakers = {"\n", ":", "\"", "*"};  // texts over which no repetition reaches

  int mirostat = 0;           // 2: Mirostat 2 takes the place of all samplers that remove candidates; 0: off
  float mirostat_tau = 5.0f;  // the surprise it aims at, in bits per token
  float mirostat_eta = 0.1f;  // how fast it corrects

  std::vector<std::pair<Token, float>> logit_bias =
      {};  // added to the logits before all else; -infinity bans a token

  /// The samplers in the order in which they are applied, separated by ';'. One that is not named is not
  /// applied.
  std::string order = "penalties;dry;top_n_sigma;top_k;typical;top_p;min_p;xtc;temperature";

  /// The same seed, options and logits give the same tokens, on every platform. None: a new one each time.
  std::optional<std::uint64_t> seed = std::nullopt;
};

namespace sampling {

/// @throws Error(invalid_argument) with the option's name, range and value unless low <= value <= high. NaN
/// fails.
template <class Number>
void check_option(std::string_view name, Number value, Number low, Number high) {
  if (!(value >= low && value <= high))
    fail(ErrorCode::invalid_argument, name, ": expected ", low, " to ", high, ", got ", value);
}

}  // namespace sampling
}  // namespace linnet
