// model/hyperparameters.hpp - reads a model's numbers from its metadata, each within a range. Never trusts a
// file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <linnet/gguf/reader.hpp>
#include <linnet/model/spec.hpp>

namespace linnet {

/// The keys of one architecture: integer("block_count") reads "llama.block_count".
/// Every read throws Error(bad_model) naming the key where it is missing (without a fallback) or out of
/// range.
class Hyperparameters {
 public:
  /// The name under which general.architecture's keys start.
  explicit Hyperparameters(const gguf::File& file);

  std::string_view architecture() const noexcept { return architecture_; }
  const gguf::File& file() const noexcept { return file_; }
  bool contains(std::string_view key) const;

  /// An integer in [low, high].
  std::int64_t integer(std::string_view key, std::int64_t low, std::int64_t high) const;
  std::int64_t integer(std::string_view key, std::int64_t low, std::int64_t high,
                       std::int64_t fallback) const;
  /// One integer per layer: an array of `layers`, or one number for all.
  std::vector<std::int64_t> per_layer(std::string_view key, std::int64_t layers, std::int64_t low,
                                      std::int64_t high) const;
  /// A finite number in [low, high].
  double real(std::string_view key, double low, double high) const;
  double real(std::string_view key, double low, double high, double fallback) const;
  std::string_view text(std::string_view key, std::string_view fallback) const;
  /// A tensor of this many floats that is not a layer's (RoPE factors); empty where the file has none.
  std::vector<float> factors(const std::string& tensor, std::int64_t length) const;

 private:
  std::string full(std::string_view key) const;

  const gguf::File& file_;
  std::string architecture_;
};

/// What the keys that all architectures share say: sizes, heads, RoPE with its scaling, norm epsilon,
/// experts. No windows. An architecture's file changes what it does differently.
Spec read_common_spec(const Hyperparameters& in);

}  // namespace linnet

#ifdef LINNET_HEADER_ONLY
#include <linnet/model/hyperparameters.ipp>
#endif
