// cli/command.hpp - the subcommands and what registers them. Never parses a word itself.
#pragma once

#include <functional>

#include <CLI/CLI.hpp>

namespace linnet::cli {

/// A subcommand and what it does once its arguments are read; the result is the program's exit code.
struct Command {
  CLI::App* app;
  std::function<int()> run;
};

// Each adds one subcommand to the program: add_run() is in run.cpp, and so on.
Command add_run(CLI::App& program);
Command add_chat(CLI::App& program);
Command add_inspect(CLI::App& program);
Command add_tokenize(CLI::App& program);
Command add_logits(CLI::App& program);
Command add_embed(CLI::App& program);
Command add_perplexity(CLI::App& program);
Command add_evaluate(CLI::App& program);
Command add_bench(CLI::App& program);
Command add_quantize(CLI::App& program);
Command add_imatrix(CLI::App& program);
Command add_synth(CLI::App& program);

}  // namespace linnet::cli
