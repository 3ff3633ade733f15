// cli/arguments.cpp - the bodies of arguments.hpp.
#include "arguments.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>
#include <system_error>

#include <linnet/base/error.hpp>
#include <linnet/base/printable.hpp>
#include <linnet/text/utf8.hpp>

#include "interrupt.hpp"
#include "lines.hpp"
#include "output.hpp"

namespace linnet::cli {

Option add_model_option(Command& command, std::filesystem::path& model) {
  return command.add_option("-m,--model", model, "The model: a GGUF file, or any part of a split one")
      .value_name("FILE");
}

void add_mmap_option(Command& command, bool& mmap) {
  command.add_flag(
      "--mmap", mmap,
      "Leave the weights in the file: shared with other processes, starts at once, writes slower");
}

void add_float32_option(Command& command, bool& float32) {
  command.add_flag("--float32", float32,
                   "Multiply in float32, weights as in the file: the reference, many times slower");
}

void add_reproducible_option(Command& command, bool& reproducible) {
  command.add_flag("--reproducible", reproducible,
                   "The same bits however a prompt is cut up, with AMX too, where it costs speed");
}

namespace {

/// Says what to do where somebody names what other programs take for a model.
void refuse_what_is_no_file(const std::filesystem::path& path) {
  std::error_code unknown;
  if (path.native().find("://") != std::string::npos && !std::filesystem::exists(path, unknown))
    fail(ErrorCode::invalid_argument, path_in_quotes(path),
         " is an address, and a model must be a GGUF file on this machine; fetch it first (curl -LO)");
  if (std::filesystem::exists(path / "config.json", unknown))
    fail(ErrorCode::invalid_argument, path_in_quotes(path),
         " is a Hugging Face folder, and a model must be a GGUF file; make one of it with linnet convert, "
         "which comes with the Python package");
}

}  // namespace

std::shared_ptr<const Model> load_model(const EngineArguments& arguments) {
  try {
    refuse_what_is_no_file(arguments.model);
    auto model = Model::load(arguments.model, {.mmap = arguments.mmap,
                                               .float32 = arguments.float32,
                                               .threads = arguments.threads,
                                               .memory = arguments.memory,
                                               .reproducible = arguments.reproducible,
                                               .should_stop = interrupted});
    check_interrupted();
    if (model->has_tokenizer()) print_warnings(model->tokenizer());
    return model;
  } catch (const Error&) {
    check_interrupted();  // whatever it was, the user has asked for an end
    throw;
  }
}

void keep_inputs(const std::vector<std::filesystem::path>& inputs, const std::filesystem::path& output) {
  std::error_code ignored;  // there is no such output yet
  for (const std::filesystem::path& input : inputs)
    if (std::filesystem::equivalent(input, output, ignored))
      fail(ErrorCode::invalid_argument, "cannot write ", path_in_quotes(output),
           ": it is an input, which would be lost; name another file");
}

void print_warnings(const Tokenizer& tokenizer) {
  static std::set<std::string> printed;
  for (const std::string& warning : tokenizer.warnings())
    if (printed.insert(warning).second) print_error(concat("linnet: warning: ", warning, '\n'));
}

void warn_of_length(const Model& model, std::int64_t tokens) {
  static bool warned = false;
  if (warned || tokens <= model.spec().context) return;
  warned = true;
  print_error(concat("linnet: warning: the model was trained for ", model.spec().context,
                     " tokens; what it says beyond them means little\n"));
}

namespace {

/// "2G", "1.5G", "700M", "64K", or bytes; nothing for other texts, and beyond any memory.
std::optional<std::int64_t> parse_bytes(std::string_view text) {
  double value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc()) return std::nullopt;
  std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  constexpr std::string_view units = "KMGTkmgt";
  if (!unit.empty() && units.find(unit[0]) != units.npos) {
    value *= static_cast<double>(std::int64_t{1} << 10 * (units.find(unit[0]) % 4 + 1));
    unit.remove_prefix(1);
    if (unit.starts_with("i")) unit.remove_prefix(1);
  }
  if (unit == "B" || unit == "b") unit.remove_prefix(1);
  constexpr double any_memory = 1e18;
  if (!unit.empty() || !(value >= 1 && value <= any_memory)) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

}  // namespace

void add_memory_option(Command& command, std::int64_t& memory) {
  const auto read = [&memory](const std::string& text) {
    const auto bytes = parse_bytes(text);
    if (!bytes) fail(ErrorCode::invalid_argument, "--memory: expected a size like 2G or 700M, got ", text);
    memory = *bytes;
  };
  command
      .add_option("--memory", read,
                  "Most memory for weights, cache and scratch (2G, 700M): keep to it, or say why not")
      .value_name("SIZE");
}

namespace {

/// FILE:SCALE, or FILE alone: what follows the last colon is a scale if it is a number.
std::pair<std::filesystem::path, float> split_scale(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == text.npos || colon + 1 == text.size()) return {text, 1.0f};
  float scale = 1;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, scale);
  if (error != std::errc() || stop != end) return {text, 1.0f};
  return {text.substr(0, colon), scale};
}

}  // namespace

std::vector<AdapterUse> load_adapters(const EngineArguments& arguments,
                                      const std::shared_ptr<const Model>& model) {
  std::vector<AdapterUse> uses;
  for (const std::string& text : arguments.adapters) {
    const auto [path, scale] = split_scale(text);
    if (!std::isfinite(scale))
      fail(ErrorCode::invalid_argument, "--lora: expected a finite scale, got ", text);
    uses.push_back({Adapter::load(path, model), scale});
    check_interrupted();
  }
  return uses;
}

void add_engine_options(Command& command, EngineArguments& arguments) {
  add_model_option(command, arguments.model).required();
  command
      .add_option("-t,--threads", arguments.threads,
                  "Threads, at most; 0: what the machine grants, or LINNET_THREADS")
      .value_name("N")
      .range(0, 1024);
  add_cache_type_option(command, arguments.cache_type);
  add_mmap_option(command, arguments.mmap);
  add_float32_option(command, arguments.float32);
  add_reproducible_option(command, arguments.reproducible);
  add_memory_option(command, arguments.memory);
  command
      .add_option("--lora", arguments.adapters,
                  "Apply a LoRA adapter (a GGUF file), times SCALE; several add up")
      .value_name("FILE[:SCALE]");
}

void add_cache_type_option(Command& command, DType& cache_type) {
  const auto read = [&cache_type](const std::string& name) {
    const auto type = parse_dtype(name);
    if (!type || (*type != DType::f32 && *type != DType::f16 && *type != DType::bf16 && *type != DType::q8_0))
      fail(ErrorCode::invalid_argument, "--kv-type: expected f32, f16, bf16 or q8_0, got ", name);
    cache_type = *type;
  };
  command.add_option("--kv-type", read, "Type of the key/value cache: f32, f16, bf16 or q8_0")
      .value_name("TYPE")
      .show_default("f16");
}

void add_text_options(Command& command, TextArguments& arguments, std::string_view what) {
  arguments.text_option = command
                              .add_option("-p,--prompt", arguments.text,
                                          concat(what, "; -, or neither this nor -f: standard input"))
                              .value_name("TEXT");
  arguments.file_option = command.add_option("-f,--file", arguments.file, concat(what, " in a file"))
                              .value_name("FILE")
                              .excludes("--prompt");
}

void require_utf8(std::string_view text, std::string_view what) {
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = read_code_point(text, at);
    if (!point.valid)
      fail(ErrorCode::invalid_argument, what, " is not valid UTF-8: the byte ", in_quotes(text.substr(at, 1)),
           " at offset ", at, "; convert the text first (iconv)");
    at += point.length;
  }
}

namespace {

/// Everything that can be read. @throws Error.
std::string read_all(int descriptor, const std::string& name) {
  constexpr std::size_t chunk = 1u << 16, limit = 1u << 30;
  std::string text;
  for (;;) {
    const std::size_t size = text.size();
    if (size > limit) fail(ErrorCode::invalid_argument, name, " holds more than 1 GiB of text");
    text.resize(size + chunk);
    const ssize_t got = ::read(descriptor, text.data() + size, chunk);
    const int error = errno;
    text.resize(size + static_cast<std::size_t>(got > 0 ? got : 0));
    check_interrupted();
    if (got < 0 && error == EINTR) continue;
    if (got < 0) fail(ErrorCode::io, "cannot read ", name, ": ", std::generic_category().message(error));
    if (got == 0) return text;
  }
}

}  // namespace

std::string read_text_file(const std::filesystem::path& path) {
  const std::string name = path == "-" ? "standard input" : path_in_quotes(path);
  const int descriptor = path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) fail(ErrorCode::io, "cannot open ", name, ": ", std::generic_category().message(errno));
  struct Closer {
    int descriptor;
    ~Closer() {
      if (descriptor != STDIN_FILENO) ::close(descriptor);
    }
  } closer{descriptor};
  std::string text = read_all(descriptor, name);
  require_utf8(text, name);
  return text;
}

std::string read_text(const TextArguments& arguments) {
  if (arguments.file_option.given()) return read_text_file(arguments.file);
  if (arguments.from_stdin()) {
    if (!arguments.given() && ::isatty(STDIN_FILENO) == 1)
      fail(ErrorCode::invalid_argument, "no text: give it with -p TEXT or -f FILE, or on standard input");
    return read_text_file("-");
  }
  require_utf8(arguments.text, "the text of -p");
  return arguments.text;
}

std::string read_prompt(const TextArguments& arguments) {
  std::string text = read_text(arguments);
  const bool from_file = arguments.from_stdin() || arguments.file_option.given();
  if (from_file) text.resize(without_line_end(text).size());
  return text;
}

std::vector<Token> parse_tokens(std::string_view text) {
  constexpr std::string_view separators = ", \t\r\n";
  std::vector<Token> tokens;
  for (;;) {
    const std::size_t begin = text.find_first_not_of(separators);
    if (begin == text.npos) return tokens;
    text.remove_prefix(begin);
    const std::string_view word = text.substr(0, text.find_first_of(separators));
    Token token = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), token);
    if (error != std::errc() || end != word.data() + word.size())
      fail(ErrorCode::invalid_argument, "expected token ids, got ", in_quotes(word));
    tokens.push_back(token);
    text.remove_prefix(word.size());
  }
}

}  // namespace linnet::cli
