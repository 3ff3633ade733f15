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

struct LoadOptions {
  bool mmap = false;  // leave the weights in the mapped file, as they are: shared with other processes and
                      // slower; false: copy them, packed for the kernels, into memory of this process
  int threads = 0;    // that load; 0: what the machine grants, or LINNET_THREADS
};

/// A model as its file describes it. Share one between any number of sessions and threads; the pointer keeps
/// the file mapped.
class Model {
 public:
  /// Opens a GGUF file, or all parts of a split one given any of them, and packs its weights.
  /// @throws Error: see gguf::File::open for malformed files; bad_model for a file whose contents do not make
  /// a model; unsupported for an architecture or tensor type that linnet does not compute; out_of_memory.
  static std::shared_ptr<const Model> load(const std::filesystem::path& path,
                                           const LoadOptions& options = {});
  /// The same over an open file.
  static std::shared_ptr<const Model> load(gguf::File file, const LoadOptions& options = {});

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
  Model(gguf::File file, const LoadOptions& options);
  void read_tokenizer();

  gguf::File file_;
  Spec spec_;
  Weights weights_;
  std::optional<Tokenizer> tokenizer_;
};

}  // namespace linnet

#ifdef LINNET_HEADER_ONLY
#include <linnet/model/model.ipp>
#endif
