// model/model.hpp - an open model: its Spec, weights and tokenizer. Immutable; never holds a conversation.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>

#include <linnet/base/config.hpp>
#include <linnet/gguf/reader.hpp>
#include <linnet/model/spec.hpp>
#include <linnet/model/weights.hpp>
#include <linnet/text/tokenizer.hpp>

namespace linnet {

/// A model as its file describes it. Share one between any number of sessions and threads; the pointer keeps
/// the file mapped.
class Model {
 public:
  /// Opens a GGUF file, or all parts of a split one given any of them. Reads metadata and small tensors; the
  /// large ones stay in the mapped file and are read by the first forward pass.
  /// @throws Error: see gguf::File::open for malformed files; bad_model for a file whose contents do not make
  /// a model; unsupported for an architecture or tensor type that linnet does not compute.
  static std::shared_ptr<const Model> load(const std::filesystem::path& path);
  /// The same over an open file.
  static std::shared_ptr<const Model> load(gguf::File file);

  const Spec& spec() const noexcept { return spec_; }
  const Weights& weights() const noexcept { return weights_; }
  const gguf::File& file() const noexcept { return file_; }
  /// @throws Error(bad_model) where the file holds no tokenizer.
  const Tokenizer& tokenizer() const;
  bool has_tokenizer() const noexcept { return tokenizer_.has_value(); }
  /// The Jinja source of the model's chat template; empty where it has none.
  std::string_view chat_template() const;
  /// The tensor type that most of the weights' bytes have.
  DType main_type() const;

 private:
  explicit Model(gguf::File file);

  gguf::File file_;
  Spec spec_;
  Weights weights_;
  std::optional<Tokenizer> tokenizer_;
};

}  // namespace linnet

#ifdef LINNET_HEADER_ONLY
#include <linnet/model/model.ipp>
#endif
