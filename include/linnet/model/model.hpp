// model/model.hpp - an open model: its Spec, weights and tokenizer. Immutable; never holds a conversation.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
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
  /// Leave the weights in the mapped file, shared with other processes. They are packed for the kernels again
  /// whenever they are read, a few rows at a time: the same bits, ready at once, and slower the fewer tokens
  /// are computed at once. false: copy them, packed, into memory of this process.
  /// Replace the file by renaming only: a process that reads where it was cut short ends with SIGBUS.
  /// (Without mmap that holds for the embedding alone.)
  bool mmap = false;
  /// Multiply in float32 and round no activation: what other ways of computing are measured against. Several
  /// times slower than mmap, which it implies.
  bool float32 = false;
  int threads = 0;          // that load; 0: what the machine grants, or LINNET_THREADS
  std::int64_t memory = 0;  // bytes that the weights may take, and with them the cache and scratch of each
                            // engine or session over this model; 0: no limit. With mmap the weights count
                            // as nothing, as the system may drop a file's pages at any time
  /// Whether logits must not depend on how many tokens are computed at once, to the last bit. Where there are
  /// tile registers (AMX), this does without them, and long prompts take several times as long. Elsewhere it
  /// is so anyway, and this changes nothing.
  bool reproducible = false;
  /// Asked between pieces of the work, on the calling thread; true: load() throws Error(cancelled).
  std::function<bool()> should_stop = {};
};

/// A model as its file describes it. Share one between any number of sessions and threads; the pointer keeps
/// the file mapped.
class Model {
 public:
  /// Opens a GGUF file, or all parts of a split one given any of them, and packs its weights.
  /// @throws Error: see gguf::File::open for malformed files; bad_model for a file whose contents do not make
  /// a model; unsupported for an architecture or tensor type that linnet does not compute; out_of_memory,
  /// before anything is taken where the budget does not hold the weights; cancelled.
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
  /// Bytes of memory that the weights take; 0 where they stay in the file.
  std::int64_t weight_bytes() const noexcept { return weight_bytes_; }
  /// LoadOptions::memory.
  std::int64_t memory() const noexcept { return memory_; }
  /// LoadOptions::reproducible.
  bool is_reproducible() const noexcept { return reproducible_; }
  /// LoadOptions::float32.
  bool is_float32() const noexcept { return float32_; }
  /// The Jinja source of the model's chat template; empty where it has none.
  std::string_view chat_template() const;
  /// A number that differs between models: a checksum of the file's keys, its tensors' names, types and
  /// shapes, and the first bytes of each tensor. Cost: reads one page of each tensor; a change elsewhere in a
  /// tensor goes unnoticed.
  std::uint64_t fingerprint() const;
  /// The tensor type that most of the weights' bytes have.
  DType main_type() const;

 private:
  Model(gguf::File file, const LoadOptions& options);
  void read_tokenizer();
  void pack(const LoadOptions& options);

  gguf::File file_;
  Spec spec_;
  Weights weights_;
  std::int64_t weight_bytes_ = 0, memory_ = 0;
  bool reproducible_ = false, float32_ = false;
  std::optional<Tokenizer> tokenizer_;
};

/// The same pointer. @throws Error(invalid_argument) for none.
std::shared_ptr<const Model> existing(std::shared_ptr<const Model> model);

}  // namespace linnet

#ifdef LINNET_HEADER_ONLY
#include <linnet/model/model.ipp>
#endif
