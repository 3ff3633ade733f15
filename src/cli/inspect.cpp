// inspect.cpp - `linnet inspect`: what a GGUF file holds, and what linnet would run it as. Never computes.
#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <linnet/base/printable.hpp>
#include <linnet/model/model.hpp>
#include <linnet/quant/mix.hpp>

#include "commands.hpp"
#include "format.hpp"
#include "json_text.hpp"
#include "output.hpp"

namespace linnet::cli {
namespace {

struct InspectArguments {
  std::filesystem::path file;
  bool json = false, tensors = false;
};

/// What the tensors of one type add up to.
struct TypeTotal {
  std::int64_t tensors = 0, elements = 0, bytes = 0;
};

std::map<DType, TypeTotal> count_types(const gguf::File& file) {
  std::map<DType, TypeTotal> totals;
  for (const gguf::Tensor& tensor : file.tensors()) {
    TypeTotal& total = totals[tensor.view.type];
    ++total.tensors;
    total.elements += tensor.view.elements();
    total.bytes += tensor.view.bytes();
  }
  return totals;
}

TypeTotal sum(const std::map<DType, TypeTotal>& totals) {
  TypeTotal all;
  for (const auto& [type, total] : totals) {
    all.tensors += total.tensors;
    all.elements += total.elements;
    all.bytes += total.bytes;
  }
  return all;
}

/// One value, or one element of an array.
Json scalar(const gguf::Value& value) {
  if (const auto text = value.text()) return *text;
  if (const auto flag = value.boolean()) return *flag;
  if (const auto number = value.integer()) return *number;
  if (value.type() == gguf::ValueType::u64) return "above 9223372036854775807";
  if (const auto number = value.real()) return *number;
  return nullptr;
}

/// The first elements of an array.
Json head(const gguf::Value& value, std::size_t count) {
  Json list = Json::array();
  const auto take = [&](const auto& values) {
    for (std::size_t i = 0; i < std::min(count, values.size()); ++i) list.push_back(values[i]);
  };
  if (const auto texts = value.texts()) {
    take(*texts);
  } else if (const auto integers = value.integers()) {
    take(*integers);
  } else if (const auto reals = value.reals()) {
    take(*reals);
  }
  return list;
}

/// At most `limit` bytes of valid UTF-8, then "...".
std::string shorten(std::string text, std::size_t limit) {
  if (text.size() <= limit) return text;
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xc0) == 0x80) --limit;
  return text.substr(0, limit) + "...";
}

std::string describe(const gguf::Value& value) {
  constexpr std::size_t width = 72, elements = 6;
  if (!value.is_array()) return shorten(dump(scalar(value)), width);
  std::string text = dump(head(value, elements));
  if (value.size() > static_cast<std::int64_t>(elements)) text.insert(text.size() - 1, ", ...");
  return concat(shorten(text, width), " (", value.size(), ")");
}

std::string type_name(const gguf::Value& value) {
  return value.is_array() ? concat(to_string(value.element_type()), "[]")
                          : std::string(to_string(value.type()));
}

std::string shape_of(const gguf::Tensor& tensor) {
  std::string text = "[";
  for (int i = 0; i < tensor.dims; ++i)
    text += concat(i ? ", " : "", tensor.view.shape[static_cast<std::size_t>(i)]);
  return text + "]";
}

/// Bytes that each token takes in a cache of F16, in layers that see everything and in those with a window.
std::pair<std::int64_t, std::int64_t> cache_bytes_per_token(const Spec& spec) {
  std::int64_t all = 0, windowed = 0;
  for (const LayerSpec& layer : spec.layers)
    (layer.window > 0 ? windowed : all) += 2 * layer.kv_heads * spec.head_dim * byte_size(DType::f16, 1);
  return {all, windowed};
}

/// The model in the file, or why linnet does not run it.
struct Runnable {
  std::shared_ptr<const Model> model;
  std::string why_not;
};

Runnable try_to_load(const std::filesystem::path& path) {
  try {
    return {Model::load(path, {.mmap = true}), ""};  // nothing is computed, so nothing need be packed
  } catch (const Error& error) {
    if (error.code() == ErrorCode::out_of_memory) throw;
    return {nullptr, error.what()};
  }
}

Json describe_model(const Model& model) {
  const Spec& spec = model.spec();
  const auto [all, windowed] = cache_bytes_per_token(spec);
  std::int64_t heads = 0, kv_heads = 0, window = 0;
  for (const LayerSpec& layer : spec.layers) {
    heads = std::max(heads, layer.heads);
    kv_heads = std::max(kv_heads, layer.kv_heads);
    window = std::max(window, layer.window);
  }
  Json json = {{"architecture", spec.architecture},
               {"type", to_string(model.main_type())},
               {"context", spec.context},
               {"layers", spec.layers.size()},
               {"embedding", spec.embedding},
               {"heads", heads},
               {"kv_heads", kv_heads},
               {"head_dim", spec.head_dim},
               {"feed_forward", spec.layers[0].feed_forward},
               {"vocabulary", spec.vocabulary},
               {"window", window},
               {"experts", spec.experts},
               {"kv_cache_bytes_per_token", all + windowed},
               {"kv_cache_bytes_per_token_beyond_window", all},
               {"tokenizer", nullptr},
               {"chat_template", !model.chat_template().empty()}};
  if (model.has_tokenizer())
    json["tokenizer"] =
        model.tokenizer().model() == TokenizerModel::sentence_piece ? "SentencePiece" : "byte-level BPE";
  return json;
}

Json tensor_json(const gguf::Tensor& tensor) {
  Json shape = Json::array();
  for (int i = 0; i < tensor.dims; ++i) shape.push_back(tensor.view.shape[static_cast<std::size_t>(i)]);
  return {{"name", tensor.name},     {"type", to_string(tensor.view.type)}, {"shape", shape},
          {"offset", tensor.offset}, {"bytes", tensor.view.bytes()},        {"part", tensor.part}};
}

void print_json(const InspectArguments& arguments, const gguf::File& file, const Runnable& runnable) {
  constexpr std::size_t elements = 16;
  Json metadata = Json::object(), types = Json::object();
  for (const auto& [key, value] : file.metadata())
    metadata[std::string(key)] =
        value.is_array()
            ? Json{{"type", type_name(value)}, {"length", value.size()}, {"head", head(value, elements)}}
            : scalar(value);
  const auto totals = count_types(file);
  for (const auto& [type, total] : totals)
    types[std::string(to_string(type))] = {
        {"tensors", total.tensors}, {"parameters", total.elements}, {"bytes", total.bytes}};
  Json json = {{"file", arguments.file.string()},
               {"bytes", file.size()},
               {"version", file.version()},
               {"alignment", file.alignment()},
               {"parts", file.paths().size()},
               {"parameters", sum(totals).elements},
               {"types", types},
               {"metadata", metadata},
               {"warnings", file.warnings()}};
  if (arguments.tensors) {
    json["tensors"] = Json::array();
    for (const gguf::Tensor& tensor : file.tensors()) json["tensors"].push_back(tensor_json(tensor));
  }
  json["model"] = runnable.model ? describe_model(*runnable.model) : Json(nullptr);
  if (!runnable.model) json["why_not"] = runnable.why_not;
  out().print(dump(json, 2), '\n');
}

void print_metadata(const gguf::File& file) {
  std::size_t width = 0;
  for (const auto& [key, value] : file.metadata())
    width = std::max(width, std::min<std::size_t>(key.size(), 44));
  out().print("metadata: ", file.metadata().size(), " keys\n");
  for (const auto& [key, value] : file.metadata())
    out().print("  ", left(key, width), "  ", left(type_name(value), 8), "  ", describe(value), '\n');
}

void print_tensors(const gguf::File& file) {
  std::size_t width = 0;
  for (const gguf::Tensor& tensor : file.tensors()) width = std::max(width, tensor.name.size());
  out().print("tensors: ", file.tensors().size(), " (name, type, shape, offset, bytes)\n");
  for (const gguf::Tensor& tensor : file.tensors())
    out().print("  ", left(shorten(dump(tensor.name), 80), width + 2), "  ",
                left(to_string(tensor.view.type), 7), "  ", left(shape_of(tensor), 18), "  ",
                right(concat(tensor.offset), 12), "  ", right(concat(tensor.view.bytes()), 12), '\n');
}

void print_types(const gguf::File& file) {
  const auto totals = count_types(file);
  const TypeTotal all = sum(totals);
  out().print("weights: ", human_count(static_cast<double>(all.elements)), " parameters in ", all.tensors,
              " tensors, ", human_bytes(static_cast<double>(all.bytes)));
  if (all.elements > 0)
    out().print(", ", fixed(8.0 * static_cast<double>(all.bytes) / static_cast<double>(all.elements), 2),
                " bits per weight");
  out().print('\n');
  for (const auto& [type, total] : totals)
    out().print("  ", left(to_string(type), 8), right(concat(total.tensors), 6), " tensors  ",
                right(human_bytes(static_cast<double>(total.bytes)), 8), '\n');
}

void print_model(const Runnable& runnable) {
  if (!runnable.model) {
    out().print("runs as: nothing; ", runnable.why_not, '\n');
    return;
  }
  const Json model = describe_model(*runnable.model);
  const auto [all, windowed] = cache_bytes_per_token(runnable.model->spec());
  out().print("runs as: ", runnable.model->spec().architecture, ", ", model["layers"].dump(), " layers of ",
              model["embedding"].dump(), ", ", model["heads"].dump(), " heads (", model["kv_heads"].dump(),
              " for keys and values) of ", model["head_dim"].dump(), ", context ", model["context"].dump(),
              ", vocabulary ", model["vocabulary"].dump(), '\n');
  out().print("key/value cache: ", human_bytes(static_cast<double>(all + windowed)), " per token in F16");
  if (windowed > 0)
    out().print(", beyond ", model["window"].dump(), " tokens ", human_bytes(static_cast<double>(all)));
  out().print('\n');
  if (runnable.model->has_tokenizer())
    for (const std::string& warning : runnable.model->tokenizer().warnings())
      out().print("warning: ", warning, '\n');
}

int run(const InspectArguments& arguments) {
  const gguf::File file = gguf::File::open(arguments.file);
  const Runnable runnable = try_to_load(arguments.file);
  if (arguments.json) {
    print_json(arguments, file, runnable);
    return 0;
  }
  out().print(path_in_quotes(arguments.file), ": GGUF version ", file.version(), ", ",
              human_bytes(static_cast<double>(file.size())));
  if (file.paths().size() > 1) out().print(" in ", file.paths().size(), " files");
  out().print('\n');
  print_metadata(file);
  if (arguments.tensors) print_tensors(file);
  print_types(file);
  for (const std::string& warning : file.warnings()) out().print("warning: ", warning, '\n');
  print_model(runnable);
  return 0;
}

}  // namespace

void add_inspect(Command& program) {
  Command& command = program.add_command("inspect", "Show a GGUF file's metadata, tensors and sizes");
  const auto arguments = std::make_shared<InspectArguments>();
  command.add_option("FILE", arguments->file, "A GGUF file, whether linnet can run it or not").required();
  command.add_flag("--tensors", arguments->tensors, "List every tensor");
  command.add_flag("--json", arguments->json, "Print a JSON object");
  command.set_footer("Example:\n  linnet inspect model.gguf --tensors");
  command.set_action([arguments] { return run(*arguments); });
}

}  // namespace linnet::cli
