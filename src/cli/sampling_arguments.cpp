// cli/sampling_arguments.cpp - the bodies of sampling_arguments.hpp.
#include "sampling_arguments.hpp"

#include <charconv>
#include <limits>
#include <random>
#include <string>

#include <linnet/base/error.hpp>
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
  if (!good) throw CLI::ValidationError("--logit-bias", concat("expected ID=BIAS, got ", text));
  return {token, bias};
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
void SamplingArguments::add_field(CLI::App& app, const char* name, T SamplingOptions::*field,
                                  const char* help) {
  const auto note = [this, field](const T& value) {
    changes_.push_back([field, value](SamplingOptions& options) { options.*field = value; });
  };
  app.add_option_function<T>(name, note, help)->default_str(concat(SamplingOptions().*field))->group(group);
}

void SamplingArguments::add_text_options(CLI::App& app) {
  using Texts = std::vector<std::string>;
  const auto stop = [this](const Texts& texts) {
    changes_.push_back([texts](SamplingOptions& options) {
      for (const std::string& text : texts) options.stop.push_back(unescape(text));
    });
  };
  app.add_option_function<Texts>("--stop", stop,
                                 "A text that ends the generation (\\n: a new line); repeatable")
      ->type_name("TEXT")
      ->expected(1)
      ->take_all();
  const auto bias = [this](const Texts& texts) {
    for (const std::string& text : texts)
      changes_.push_back(
          [pair = parse_bias(text)](SamplingOptions& options) { options.logit_bias.push_back(pair); });
  };
  app.add_option_function<Texts>("--logit-bias", bias,
                                 "Add to the logit of a token; ID=-inf bans it; repeatable")
      ->type_name("ID=BIAS")
      ->expected(1)
      ->take_all()
      ->group(group);
  const auto breakers = [this](const Texts& texts) {
    changes_.push_back([texts](SamplingOptions& options) {
      options.dry_breakers.clear();
      for (const std::string& text : texts) options.dry_breakers.push_back(unescape(text));
    });
  };
  app.add_option_function<Texts>("--dry-breaker", breakers,
                                 "Texts over which no repetition reaches; repeatable")
      ->type_name("TEXT")
      ->expected(1)
      ->take_all()
      ->group(group);
}

void SamplingArguments::add_to(CLI::App& app) {
  using S = SamplingOptions;
  const auto seed = [this](const std::uint64_t& value) {
    changes_.push_back([value](SamplingOptions& options) { options.seed = value; });
  };
  const auto count = [this](const std::int64_t& value) {
    changes_.push_back([value](SamplingOptions& options) { options.max_tokens = value; });
  };
  app.add_option_function<std::int64_t>("-n,--max-tokens", count,
                                        "Most tokens to generate; -1: until the text or the context ends")
      ->type_name("N")
      ->default_str(concat(S().max_tokens));
  add_text_options(app);
  app.add_flag("--ignore-eos", ignore_eos_, "Never end the text before -n");
  add_field(app, "--temp", &S::temperature, "Divide the logits by it; 0: greedy");
  app.add_option_function<std::uint64_t>("--seed", seed, "Same seed and options, same text")->group(group);
  add_field(app, "--top-k", &S::top_k, "Keep the K best; 0: all");
  add_field(app, "--top-p", &S::top_p, "Keep the best that make up this probability; 1: all");
  add_field(app, "--min-p", &S::min_p, "Keep what has this share of the best one's probability; 0: all");
  add_field(app, "--typical", &S::typical_p, "Keep the most typical that make up this probability; 1: all");
  add_field(app, "--top-n-sigma", &S::top_n_sigma,
            "Keep what is within N standard deviations of the best; -1: all");
  add_field(app, "--dynatemp-range", &S::dynatemp_range,
            "Temperature moves by this with the entropy; 0: it stays");
  add_field(app, "--dynatemp-exp", &S::dynatemp_exponent, "Shape of that movement");
  add_field(app, "--xtc-probability", &S::xtc_probability, "How often the top choices are excluded");
  add_field(app, "--xtc-threshold", &S::xtc_threshold, "What counts as a top choice");
  add_field(app, "--repeat-last-n", &S::penalty_last_n, "Tokens that the penalties look back at; -1: all");
  add_field(app, "--repeat-penalty", &S::penalty_repeat, "Divides the logits of tokens seen; 1: off");
  add_field(app, "--frequency-penalty", &S::penalty_frequency,
            "Taken from a logit for each time it was seen");
  add_field(app, "--presence-penalty", &S::penalty_presence, "Taken from a logit once if it was seen");
  add_field(app, "--dry-multiplier", &S::dry_multiplier, "Penalty on going on with a repetition; 0: off");
  add_field(app, "--dry-base", &S::dry_base, "It grows by this with the repetition's length");
  add_field(app, "--dry-allowed-length", &S::dry_allowed_length, "... beyond this");
  add_field(app, "--dry-last-n", &S::dry_last_n, "Tokens in which repetitions are looked for; -1: all");
  add_field(app, "--mirostat", &S::mirostat, "2: Mirostat 2 instead of the samplers that remove candidates");
  add_field(app, "--mirostat-tau", &S::mirostat_tau, "The surprise it aims at, in bits per token");
  add_field(app, "--mirostat-eta", &S::mirostat_eta, "How fast it corrects");
  add_field(app, "--order", &S::order, "The samplers in the order in which they are applied");
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
