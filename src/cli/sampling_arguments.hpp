// cli/sampling_arguments.hpp - every sampling option on the command line, over what the model's file
// recommends. Never chooses a token.
#pragma once

#include <functional>
#include <vector>

#include <linnet/model/model.hpp>
#include <linnet/sampling/options.hpp>

#include "options.hpp"

namespace linnet::cli {

/// Holds what the options say, to be put over a model's defaults once it is loaded.
class SamplingArguments {
 public:
  /// The options write into this object, which must stay where it is.
  void add_to(Command& command);

  /// The model's defaults with the given options over them, and a seed in any case.
  SamplingOptions over_defaults_of(const Model& model) const;

 private:
  template <class T>
  void add_field(Command& command, const char* name, T SamplingOptions::*field, const char* help);
  void add_text_options(Command& command);
  /// The field that the option writes goes over the model's.
  template <class T>
  void put(Option option, T SamplingOptions::*field);

  SamplingOptions given_;  // where an option is given
  bool ignore_eos_ = false;
  std::vector<std::function<void(SamplingOptions&)>> changes_;
};

}  // namespace linnet::cli
