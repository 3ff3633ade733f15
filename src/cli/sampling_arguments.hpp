// cli/sampling_arguments.hpp - every sampling option on the command line, over what the model's file
// recommends. Never chooses a token.
#pragma once

#include <functional>
#include <vector>

#include <CLI/CLI.hpp>

#include <linnet/model/model.hpp>
#include <linnet/sampling/options.hpp>

namespace linnet::cli {

/// Collects the options that were given, to be put over a model's defaults once it is loaded.
class SamplingArguments {
 public:
  /// `app` must not outlive this object.
  void add_to(CLI::App& app);

  /// The model's defaults with the given options over them, and a seed in any case.
  SamplingOptions over_defaults_of(const Model& model) const;

 private:
  template <class T>
  void add_field(CLI::App& app, const char* name, T SamplingOptions::*field, const char* help);
  void add_text_options(CLI::App& app);

  std::vector<std::function<void(SamplingOptions&)>> changes_;
  bool ignore_eos_ = false;
};

}  // namespace linnet::cli
