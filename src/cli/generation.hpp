// cli/generation.hpp - what `run` and `chat` say about a generation. Never generates.
#pragma once

#include <string_view>

#include <linnet/runtime/session.hpp>

#include "format.hpp"
#include "output.hpp"

namespace linnet::cli {

constexpr std::string_view name_of(StopReason reason) noexcept {
  constexpr std::string_view names[] = {"running",    "end_of_text",  "stop_text",
                                        "max_tokens", "context_full", "cancelled"};
  return names[static_cast<std::size_t>(reason)];
}

/// One line on standard error, dim on a terminal.
inline void print_stats(const GenerationStats& stats, StopReason reason, int threads, std::string_view isa) {
  const bool dim = stderr_has_colors();
  print_error(concat(dim ? "\x1b[2m" : "", "prompt ", stats.prompt_tokens, " tokens, ",
                     fixed(stats.prefill_rate(), 1), "/s; generated ", stats.generated_tokens, " tokens, ",
                     fixed(stats.decode_rate(), 1), "/s; ended by ", name_of(reason), "; ", threads,
                     " threads, ", isa, dim ? "\x1b[0m" : "", "\n"));
}

}  // namespace linnet::cli
