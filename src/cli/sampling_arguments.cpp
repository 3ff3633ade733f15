// cli/sampling_arguments.cpp - the bodies of sampling_arguments.hpp.
#include "sampling_arguments.hpp"

#include <charconv>
#include <limits>
#include <optional>
#include <random>
#include <string>

#include <linnet/base/error.hpp>
#include <linnet/base/printable.hpp>
#include <linnet/sampling/defaults.hpp>

namespace linnet::cli {
namespace {

constexpr const char* group = "Sampling (defaults: the model's own, else as given)";

/// "ID=B" or "ID=-inf".
std::pair<Token, float> parse_bias(const std::string& text) {
  const std::size_t equals = text.find('=');
  Token token = 0;
  float bias = 0;
  const char *const begin = text.data(), *const end = begin + text.size();
  bool good = equals != std::string::npos;
  if (good) {
    const auto id = std::from_chars(begin, begin + equals, token);
    const char* number = begin + equals + 1;
    if (number != end && *number == '+') ++number;
    const auto value = std::from_chars(number, end, bias);
    good = id.ec == std::errc() && id.ptr == begin + equals && value.ec == std::errc() && value.ptr == end;
  }
  if (!good) fail(ErrorCode::invalid_argument, "--logit-bias: expected ID=BIAS, got ", text);
  return {token, bias};
}

/// None for -1.
std::optional<std::uint64_t> parse_seed(const std::string& text) {
  if (text == "-1") return std::nullopt;
  std::uint64_t seed = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, seed);
  if (error != std::errc() || stop != end)
    fail(ErrorCode::invalid_argument, "--seed: expected 0 to ", std::numeric_limits<std::uint64_t>::max(),
         ", or -1 for one drawn at random, got ", in_quotes(text));
  return seed;
}

/// "\n" and "\t" as people type them.
std::string unescape(const std::string& text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char next = text[i] == '\\' && i + 1 < text.size() ? text[i + 1] : '\0';
    if (next == 'n' || next == 't' || next == '\\') {
      result += next == 'n' ? '\n' : next == 't' ? '\t' : '\\';
      ++i;
    } else {
      result += text[i];
    }
  }
  return result;
}

}  // namespace

template <class T>
void SamplingArguments::put(Option option, T SamplingOptions::*field) {
  changes_.push_back([this, option, field](SamplingOptions& options) {
    if (option.given()) options.*field = given_.*field;
  });
}

template <class T>
void SamplingArguments::add_field(Command& command, const char* name, T SamplingOptions::*field,
                                  const char* help) {
  put(command.add_option(name, given_.*field, help).show_default(concat(given_.*field)).group(group), field);
}

void SamplingArguments::add_text_options(Command& command) {
  command.add_option("--stop", given_.stop, "A text that ends the generation (\\n: a new line); repeatable")
      .value_name("TEXT");
  const auto read_biases = [this](const std::vector<std::string>& texts) {
    for (const std::string& text : texts) given_.logit_bias.push_back(parse_bias(text));
  };
  command.add_option("--logit-bias", read_biases, "Add to the logit of a token; ID=-inf bans it; repeatable")
      .value_name("ID=BIAS")
      .group(group);
  const Option breakers = command
                              .add_option("--dry-breaker", given_.dry_breakers,
                                          "Texts over which no repetition reaches; repeatable")
                              .value_name("TEXT")
                              .group(group);
  changes_.push_back([this, breakers](SamplingOptions& options) {
    for (const std::string& text : given_.stop) options.stop.push_back(unescape(text));
    for (const auto& bias : given_.logit_bias) options.logit_bias.push_back(bias);
    if (!breakers.given()) return;
    options.dry_breakers.clear();
    for (const std::string& text : given_.dry_breakers) options.dry_breakers.push_back(unescape(text));
  });
}

void SamplingArguments::add_to(Command& command) {
  using S = SamplingOptions;
  put(command
          .add_option("-n,--max-tokens", given_.max_tokens,
                      "Most tokens to generate; -1: until the text or the context ends")
          .value_name("N")
          .show_default(concat(given_.max_tokens)),
      &S::max_tokens);
  add_text_options(command);
  command.add_flag("--ignore-eos", ignore_eos_, "Never end the text before -n");
  add_field(command, "--temp", &S::temperature, "Divide the logits by it; 0: greedy");
  put(command
          .add_option(
              "--seed", [this](const std::string& text) { given_.seed = parse_seed(text); },
              "Same seed and options, same text; -1: drawn at random")
          .value_name("N")
          .show_default("-1")
          .group(group),
      &S::seed);
  add_field(command, "--top-k", &S::top_k, "Keep the K best; 0: all");
  add_field(command, "--top-p", &S::top_p, "Keep the best that make up this probability; 1: all");
  add_field(command, "--min-p", &S::min_p, "Keep what has this share of the best one's probability; 0: all");
  add_field(command, "--typical", &S::typical_p,
            "Keep the most typical that make up this probability; 1: all");
  add_field(command, "--top-n-sigma", &S::top_n_sigma,
            "Keep what is within N standard deviations of the best; -1: all");
  add_field(command, "--dynatemp-range", &S::dynatemp_range,
            "Temperature moves by this with the entropy; 0: it stays");
  add_field(command, "--dynatemp-exp", &S::dynatemp_exponent, "Shape of that movement");
  add_field(command, "--xtc-probability", &S::xtc_probability, "How often the top choices are excluded");
  add_field(command, "--xtc-threshold", &S::xtc_threshold, "What counts as a top choice");
  add_field(command, "--repeat-last-n", &S::penalty_last_n,
            "Tokens that the penalties look back at; -1: all");
  add_field(command, "--repeat-penalty", &S::penalty_repeat, "Divides the logits of tokens seen; 1: off");
  add_field(command, "--frequency-penalty", &S::penalty_frequency,
            "Taken from a logit for each time it was seen");
  add_field(command, "--presence-penalty", &S::penalty_presence, "Taken from a logit once if it was seen");
  add_field(command, "--dry-multiplier", &S::dry_multiplier, "Penalty on going on with a repetition; 0: off");
  add_field(command, "--dry-base", &S::dry_base, "It grows by this with the repetition's length");
  add_field(command, "--dry-allowed-length", &S::dry_allowed_length, "... beyond this");
  add_field(command, "--dry-last-n", &S::dry_last_n, "Tokens in which repetitions are looked for; -1: all");
  add_field(command, "--mirostat", &S::mirostat,
            "2: Mirostat 2 instead of the samplers that remove candidates");
  add_field(command, "--mirostat-tau", &S::mirostat_tau, "The surprise it aims at, in bits per token");
  add_field(command, "--mirostat-eta", &S::mirostat_eta, "How fast it corrects");
  add_field(command, "--order", &S::order, "The samplers in the order in which they are applied");
}

SamplingOptions SamplingArguments::over_defaults_of(const Model& model) const {
  SamplingOptions options = sampling_defaults(model.file().metadata());
  for (const auto& change : changes_) change(options);
  if (!options.seed) options.seed = std::random_device()();
  if (ignore_eos_ && model.has_tokenizer())
    for (Token token : model.tokenizer().vocabulary().end_of_generation())
      options.logit_bias.emplace_back(token, -std::numeric_limits<float>::infinity());
  return options;
}

}  // namespace linnet::cli
