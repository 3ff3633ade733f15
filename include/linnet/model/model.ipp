// model/model.ipp - the body of model.hpp.
#pragma once

#include <map>
#include <utility>

#include <linnet/base/error.hpp>
#include <linnet/kernels/dispatch.hpp>
#include <linnet/model/architectures.hpp>
#include <linnet/model/model.hpp>
#include <linnet/model/packing.hpp>

namespace linnet {

LINNET_INLINE Model::Model(gguf::File file, const LoadOptions& options)
    : file_(std::move(file)), spec_(read_spec(file_)) {
  weights_ = load_weights(file_, spec_);
  read_tokenizer();
  // The vocabulary now lies in the tokenizer: the file's pages that hold it too may leave memory.
  for (const gguf::Metadata::Entry& entry : file_.metadata()) file_.release(entry.value.raw());
  // Last, when nothing else can be wrong with the file: this is what takes time and memory.
  if (!options.mmap) pack_weights(weights_, file_, kernels::active(), resolve_thread_count(options.threads));
}

LINNET_INLINE void Model::read_tokenizer() {
  if (!file_.metadata().contains("tokenizer.ggml.model")) return;
  tokenizer_ = Tokenizer::from_metadata(file_.metadata());
  if (tokenizer_->vocabulary().size() != spec_.vocabulary)
    fail(ErrorCode::bad_model, "key \"tokenizer.ggml.tokens\": expected ", spec_.vocabulary,
         " tokens, one for each row of token_embd.weight, found ", tokenizer_->vocabulary().size());
}

LINNET_INLINE std::shared_ptr<const Model> Model::load(gguf::File file, const LoadOptions& options) {
  return std::shared_ptr<const Model>(new Model(std::move(file), options));
}

LINNET_INLINE std::shared_ptr<const Model> Model::load(const std::filesystem::path& path,
                                                       const LoadOptions& options) {
  try {
    return load(gguf::File::open(path), options);
  } catch (const Error& error) {
    // The reader names the file itself; what is found later does not know it.
    const std::string text = error.what();
    if (text.find(path.filename().string()) != std::string::npos) throw;
    fail(error.code(), path.string(), ": ", text);
  }
}

LINNET_INLINE const Tokenizer& Model::tokenizer() const {
  if (!tokenizer_)
    fail(ErrorCode::bad_model,
         "key \"tokenizer.ggml.model\" is missing: this model has no tokenizer; pass token ids");
  return *tokenizer_;
}

LINNET_INLINE std::string_view Model::chat_template() const {
  return file_.metadata().text("tokenizer.chat_template", "");
}

LINNET_INLINE DType Model::main_type() const {
  std::map<DType, std::int64_t> bytes;
  for (const gguf::Tensor& tensor : file_.tensors()) bytes[tensor.view.type] += tensor.view.bytes();
  const auto most =
      std::max_element(bytes.begin(), bytes.end(), [](auto& a, auto& b) { return a.second < b.second; });
  return most == bytes.end() ? DType::f32 : most->first;
}

}  // namespace linnet
