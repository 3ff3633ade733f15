// cli/arguments.hpp - options that several subcommands share, and text from where the user says it is. Never
// runs a model.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <linnet/base/dtype.hpp>
#include <linnet/model/adapter.hpp>
#include <linnet/model/model.hpp>
#include <linnet/text/token.hpp>
#include <linnet/text/tokenizer.hpp>

#include "options.hpp"

namespace linnet::cli {

/// -m, -t, --kv-type, --mmap, --float32, --reproducible, --memory, --lora.
struct EngineArguments {
  std::filesystem::path model;
  std::vector<std::string> adapters;  // FILE or FILE:SCALE
  int threads = 0;
  DType cache_type = DType::f16;
  bool mmap = false;
  bool float32 = false;
  bool reproducible = false;
  std::int64_t memory = 0;  // bytes; 0: no limit
};
/// The model that they name, its tokenizer's warnings printed.
/// @throws as Model::load; Error(cancelled) where Ctrl-C came meanwhile.
std::shared_ptr<const Model> load_model(const EngineArguments& arguments);

/// Refuses to write over what is read: the one would be lost, however the other ends.
/// @throws Error(invalid_argument) where the output is one of the inputs, by whatever name.
void keep_inputs(const std::vector<std::filesystem::path>& inputs, const std::filesystem::path& output);

/// Says on standard error what is odd about a tokenizer, the same thing once while the program runs.
void print_warnings(const Tokenizer& tokenizer);

/// Says on standard error, once, that this many tokens are more than the model was trained for, if they are.
void warn_of_length(const Model& model, std::int64_t tokens);

/// The adapters that they name, for this model. @throws as Adapter::load.
std::vector<AdapterUse> load_adapters(const EngineArguments& arguments,
                                      const std::shared_ptr<const Model>& model);

/// -m alone; the caller says whether it is required.
Option add_model_option(Command& command, std::filesystem::path& model);
void add_mmap_option(Command& command, bool& mmap);
void add_float32_option(Command& command, bool& float32);
void add_reproducible_option(Command& command, bool& reproducible);
void add_memory_option(Command& command, std::int64_t& memory);
void add_cache_type_option(Command& command, DType& cache_type);
void add_engine_options(Command& command, EngineArguments& arguments);

/// -p and -f: a text given in words, in a file, or on standard input.
struct TextArguments {
  std::string text;
  std::filesystem::path file;
  Option text_option, file_option;

  bool from_stdin() const { return !file_option.given() && (!text_option.given() || text == "-"); }
  bool given() const { return text_option.given() || file_option.given(); }
};
void add_text_options(Command& command, TextArguments& arguments, std::string_view what);

/// The text that the options ask for: valid UTF-8.
/// @throws Error(io) for a file that cannot be read; Error(invalid_argument) for bytes that are no UTF-8, and
/// where nothing is given and standard input is a terminal.
std::string read_text(const TextArguments& arguments);
/// The same without the end of line with which files and `echo` end.
std::string read_prompt(const TextArguments& arguments);
/// The same as read_text() from one file, "-" for standard input.
std::string read_text_file(const std::filesystem::path& path);

/// @throws Error(invalid_argument) naming the first byte that is no UTF-8.
void require_utf8(std::string_view text, std::string_view what);

/// Ids separated by commas or white space. @throws Error(invalid_argument).
std::vector<Token> parse_tokens(std::string_view text);

}  // namespace linnet::cli
