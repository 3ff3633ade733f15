// model.cpp - linnet::Model for Python: load, describe, text to tokens and back. Never runs the model.
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <linnet/model/model.hpp>
#include <linnet/runtime/chat.hpp>

#include "adapter.hpp"
#include "arguments.hpp"
#include "bindings.hpp"
#include "unlocked.hpp"
#include "values.hpp"

namespace linnet::python {
namespace {

LoadedModel load_model(const std::filesystem::path& path, const py::object& threads,
                       const std::string& kv_type, bool mmap, bool float32, const py::object& memory,
                       bool reproducible) {
  to_cache_type(kv_type);  // throws: here, not where the first session is made
  const LoadOptions options{.mmap = mmap,
                            .float32 = float32,
                            .threads = static_cast<int>(to_integer(threads, "threads", 0, 1024)),
                            .memory = to_integer(memory, "memory", 0),
                            .reproducible = reproducible,
                            .should_stop = is_interrupted};
  LoadedModel loaded;
  run_unlocked([&] { loaded.model = Model::load(path, options); });
  return loaded;
}

/// The same weights, with these adapters in place of the present ones.
LoadedModel with_adapters(const LoadedModel& self, const py::object& pairs) {
  LoadedModel tuned{self.model, to_adapter_uses(pairs)};
  ActiveAdapters(tuned.adapters, *tuned.model, 1);  // throws where one belongs to another model
  return tuned;
}

std::vector<Token> tokenize(const LoadedModel& self, const py::object& text, bool add_special,
                            bool parse_special, bool goes_on) {
  const std::string utf8 = to_text(text, "text");
  std::vector<Token> tokens;
  run_unlocked([&] {
    tokens = self.model->tokenizer().encode(
        utf8, {.add_special = add_special, .parse_special = parse_special, .goes_on = goes_on});
  });
  return tokens;
}

py::str detokenize(const LoadedModel& self, const py::object& tokens, bool special, bool continues) {
  const std::vector<Token> ids = to_tokens(tokens);
  std::string text;
  run_unlocked(
      [&] { text = self.model->tokenizer().decode(ids, {.special = special, .continues = continues}); });
  return to_str(text);
}

py::bytes piece(const LoadedModel& self, const py::object& token, bool special) {
  const auto id = static_cast<Token>(
      to_integer(token, "token", std::numeric_limits<Token>::min(), std::numeric_limits<Token>::max()));
  return self.model->tokenizer().piece(id, {.special = special});
}

/// Messages and variables are JSON.
std::vector<Token> encode_chat(const LoadedModel& self, const py::object& messages,
                               const py::object& variables, bool add_generation_prompt, bool parse_special) {
  const std::string messages_text = to_text(messages, "messages");
  const std::string variables_text = to_text(variables, "variables");
  std::vector<Token> tokens;
  run_unlocked([&] {
    ChatTemplateOptions options;
    options.add_generation_prompt = add_generation_prompt;
    options.variables = parse_variables(variables_text);
    tokens = linnet::encode_chat(*self.model, jinja::parse_json(messages_text), options, parse_special);
  });
  return tokens;
}

py::dict metadata(const LoadedModel& self) {
  py::dict values;
  for (const gguf::Metadata::Entry& entry : self.model->file().metadata())
    values[to_str(entry.key)] = to_python(entry.value);
  return values;
}

std::int64_t weight_bytes(const LoadedModel& self) {
  std::int64_t bytes = 0;
  for (const gguf::Tensor& tensor : self.model->file().tensors()) bytes += tensor.view.bytes();
  return bytes;
}

std::optional<Token> special_token(const LoadedModel& self, bool begin) {
  if (!self.model->has_tokenizer()) return std::nullopt;
  const Vocabulary& vocabulary = self.model->tokenizer().vocabulary();
  return begin ? vocabulary.bos() : vocabulary.eos();
}

}  // namespace

void bind_model(py::module_& m) {
  py::class_<LoadedModel>(m, "Model")
      .def(py::init(&load_model))
      .def("with_adapters", &with_adapters)
      .def("tokenize", &tokenize)
      .def("detokenize", &detokenize)
      .def("piece", &piece)
      .def("encode_chat", &encode_chat)
      .def("metadata", &metadata)
      .def("is_end_of_generation",
           [](const LoadedModel& self, const py::object& token) {
             const std::int64_t id = to_integer(token, "token");
             const Vocabulary& vocabulary = self.model->tokenizer().vocabulary();
             return id >= 0 && id < vocabulary.size() &&
                    vocabulary.is_end_of_generation(static_cast<Token>(id));
           })
      .def_property_readonly("bos", [](const LoadedModel& self) { return special_token(self, true); })
      .def_property_readonly("eos", [](const LoadedModel& self) { return special_token(self, false); })
      .def_property_readonly("architecture",
                             [](const LoadedModel& self) { return self.model->spec().architecture; })
      .def_property_readonly("vocabulary",
                             [](const LoadedModel& self) { return self.model->spec().vocabulary; })
      .def_property_readonly("context", [](const LoadedModel& self) { return self.model->spec().context; })
      .def_property_readonly("embedding",
                             [](const LoadedModel& self) { return self.model->spec().embedding; })
      .def_property_readonly("layers",
                             [](const LoadedModel& self) { return self.model->spec().layers.size(); })
      .def_property_readonly("type",
                             [](const LoadedModel& self) { return to_string(self.model->main_type()); })
      .def_property_readonly("weight_bytes", &weight_bytes)
      .def_property_readonly("chat_template",
                             [](const LoadedModel& self) { return to_str(self.model->chat_template()); });
}

}  // namespace linnet::python
