// main.cpp - the program linnet: its subcommands, and how a run of it ends. Never does the work.
#include <exception>
#include <new>
#include <sstream>
#include <string>
#include <string_view>

#include <linnet/base/error.hpp>

#include "command.hpp"
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

/// Help and version are asked for by exceptions, as errors of usage are.
int finish_parsing(const CLI::App& program, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) {
    std::ostringstream text, unused;
    program.exit(error, text, unused);
    out().print(text.str());
    out().flush();
    return 0;
  }
  const auto chosen = program.get_subcommands();
  return report(
      concat(error.what(), "; see linnet ", chosen.empty() ? "" : chosen[0]->get_name() + " ", "--help"));
}

int run_program(int argc, char** argv) {
  CLI::App program("Runs small language models (GGUF files) on the CPU.", "linnet");
  program.set_version_flag("--version", std::string("linnet " LINNET_VERSION));
  program.set_help_flag("-h,--help", "Print this help and exit");
  program.require_subcommand(1);
  program.get_formatter()->column_width(32);
  program.footer(
      "Environment:\n"
      "  LINNET_THREADS=N   threads, where -t does not say\n"
      "  LINNET_ISA=NAME    force an instruction set: scalar, avx2, avx512, neon\n\n"
      "Example:\n"
      "  linnet run -m model.gguf -p \"Once upon a time\"");
  const Command commands[] = {add_run(program),        add_chat(program),     add_inspect(program),
                              add_tokenize(program),   add_logits(program),   add_embed(program),
                              add_perplexity(program), add_evaluate(program), add_bench(program),
                              add_imatrix(program),    add_quantize(program), add_synth(program)};
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return finish_parsing(program, error);
  }
  for (const Command& command : commands) {
    if (!command.app->parsed()) continue;
    const int code = command.run();
    out().flush();
    return code;
  }
  return 1;
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
