// model/model.ipp - the body of model.hpp.
#pragma once

#include <algorithm>
#include <map>
#include <utility>

#include <linnet/base/checksum.hpp>
#include <linnet/base/error.hpp>
#include <linnet/kernels/dispatch.hpp>
#include <linnet/model/architectures.hpp>
#include <linnet/model/model.hpp>
#include <linnet/model/packing.hpp>

namespace linnet {

LINNET_INLINE Model::Model(gguf::File file, const LoadOptions& options)
    : file_(std::move(file)),
      spec_(read_spec(file_)),
      memory_(options.memory),
      reproducible_(options.reproducible),
      float32_(options.float32) {
  if (memory_ < 0)
    fail(ErrorCode::invalid_argument, "memory: expected 0 (no limit) or more bytes, got ", memory_);
  weights_ = load_weights(file_, spec_);
  read_tokenizer();
  // The vocabulary now lies in the tokenizer: the file's pages that hold it too may leave memory.
  for (const gguf::Metadata::Entry& entry : file_.metadata()) file_.release(entry.value.raw());
  // Last, when nothing else can be wrong with the file: this is what takes time and memory.
  if (!options.mmap && !options.float32) pack(options);
}

LINNET_INLINE void Model::pack(const LoadOptions& options) {
  const kernels::Table& table = kernels::active();
  for_each_matrix(weights_, [&](const Linear& matrix) {
    const std::int64_t packed = packed_bytes(matrix.weight, table);
    weight_bytes_ += packed > 0 ? packed : matrix.weight.bytes();
  });
  if (memory_ > 0 && weight_bytes_ > memory_)
    fail(ErrorCode::out_of_memory, "the weights need ", (weight_bytes_ >> 20) + 1,
         " MiB of memory and may take ", memory_ >> 20,
         " MiB; leave them in the file (mmap), use a model of fewer bits, or give it more memory");
  pack_weights(weights_, file_, table, resolve_thread_count(options.threads), options.should_stop);
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
    // The reader names the file itself; what is found later does not know it. Options are not the file's.
    const std::string text = error.what();
    const bool names_it = text.find(path.filename().string()) != std::string::npos;
    if (names_it || error.code() == ErrorCode::invalid_argument) throw;
    fail(error.code(), path.string(), ": ", text);
  }
}

LINNET_INLINE std::shared_ptr<const Model> existing(std::shared_ptr<const Model> model) {
  if (!model) fail(ErrorCode::invalid_argument, "model: expected one, got none");
  return model;
}

LINNET_INLINE const Tokenizer& Model::tokenizer() const {
  if (!tokenizer_)
    fail(ErrorCode::bad_model,
         "key \"tokenizer.ggml.model\" is missing: without a tokenizer this model gives logits, but no text; "
         "use functions that take token ids and give logits (Session::append, linnet logits --tokens), or a "
         "file with a tokenizer");
  return *tokenizer_;
}

LINNET_INLINE std::string_view Model::chat_template() const {
  return file_.metadata().text("tokenizer.chat_template", "");
}

LINNET_INLINE std::uint64_t Model::fingerprint() const {
  Checksum sum;
  for (const gguf::Metadata::Entry& entry : file_.metadata()) {
    sum.add(entry.key);
    sum.add(entry.value.type());
    sum.add(entry.value.raw());
    file_.release(entry.value.raw());
  }
  for (const gguf::Tensor& tensor : file_.tensors()) {
    constexpr std::int64_t sample = 256;
    sum.add(tensor.name);
    sum.add(tensor.view.type);
    for (std::int64_t extent : tensor.view.shape) sum.add(extent);
    sum.add(std::span(tensor.view.data, static_cast<std::size_t>(std::min(sample, tensor.view.bytes()))));
  }
  return sum.value();
}

LINNET_INLINE DType Model::main_type() const {
  std::map<DType, std::int64_t> bytes;
  for (const gguf::Tensor& tensor : file_.tensors()) bytes[tensor.view.type] += tensor.view.bytes();
  const auto most =
      std::max_element(bytes.begin(), bytes.end(), [](auto& a, auto& b) { return a.second < b.second; });
  return most == bytes.end() ? DType::f32 : most->first;
}

}  // namespace linnet
