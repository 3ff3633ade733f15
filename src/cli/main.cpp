// main.cpp - the program linnet: its subcommands, and how a run of it ends. Never does the work.
#include <exception>
#include <new>
#include <string>
#include <string_view>

#include <linnet/base/error.hpp>

#include "commands.hpp"
#include "interrupt.hpp"
#include "output.hpp"

namespace linnet::cli {
namespace {

/// One line on standard error, whatever the text holds.
int report(std::string_view text) {
  std::string line = stderr_has_colors() ? "\x1b[1;31mlinnet:\x1b[0m " : "linnet: ";
  for (char c : text) {
    if (c == '\n') {
      line += "; ";
    } else {
      line += static_cast<unsigned char>(c) < 0x20 || c == '\x7f' ? '?' : c;
    }
  }
  print_error(line + '\n');
  return 1;
}

int run_program(int argc, char** argv) {
  Program program("linnet", "Runs small language models (GGUF files) on the CPU.", "linnet " LINNET_VERSION);
  program.set_footer(
      "Environment:\n"
      "  LINNET_THREADS=N   threads, where -t does not say\n"
      "  LINNET_ISA=NAME    force an instruction set: amx, avx512vnni, avx512, avxvnni, avx2, neon_i8mm,\n"
      "                     neon_dotprod, neon, scalar\n\n"
      "linnet convert, which makes a GGUF file of a Hugging Face folder, comes with the Python package\n"
      "(pip install .).\n\n"
      "Example:\n"
      "  linnet run -m model.gguf -p \"Once upon a time\"");
  for (const auto add : {add_run, add_chat, add_inspect, add_tokenize, add_logits, add_embed, add_perplexity,
                         add_evaluate, add_bench, add_imatrix, add_quantize, add_synth})
    add(program);
  int code = 0;
  if (const auto help = program.parse(argc, argv)) {
    out().print(*help);
  } else {
    code = program.run();
  }
  out().flush();
  return code;
}

/// Runs the program and reports, in one line, what ended it before its time.
int run_and_report(int argc, char** argv) {
  try {
    return run_program(argc, argv);
  } catch (const BrokenPipe&) {
    return 0;
  } catch (const Error& error) {
    const int code = report(error.what());
    return error.code() == ErrorCode::cancelled && interrupted() ? interrupted_exit_code() : code;
  } catch (const std::bad_alloc&) {
    print_error("linnet: out of memory; use a smaller model or context, or raise the limit (ulimit -v)\n");
    return 1;
  } catch (const std::exception& error) {
    return report(error.what());
  }
}

}  // namespace
}  // namespace linnet::cli

int main(int argc, char** argv) {
  linnet::cli::reserve_standard_descriptors();
  linnet::cli::handle_signals();
  return linnet::cli::run_and_report(argc, argv);
}
