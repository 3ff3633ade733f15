// cli/commands.hpp - every command of the program, by the function that adds it. Never parses a word itself.
#pragma once

#include "options.hpp"

namespace linnet::cli {

// add_run() is in run.cpp, and so on.
void add_run(Command& program);
void add_chat(Command& program);
void add_inspect(Command& program);
void add_tokenize(Command& program);
void add_logits(Command& program);
void add_embed(Command& program);
void add_perplexity(Command& program);
void add_evaluate(Command& program);
void add_bench(Command& program);
void add_quantize(Command& program);
void add_imatrix(Command& program);
void add_synth(Command& program);

}  // namespace linnet::cli
