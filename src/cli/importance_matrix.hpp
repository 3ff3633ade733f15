// cli/importance_matrix.hpp - how strongly the inputs of each matrix vary over a text, and the file of it.
// Never runs a model.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <linnet/base/tensor.hpp>

namespace linnet::cli {

/// The sums of squares of what a tensor's columns are multiplied by, for each of its experts.
struct InputSquares {
  std::int64_t cols = 0;
  std::vector<float> sums;    // [experts, cols]
  std::vector<float> counts;  // [experts]: inputs that were summed up

  std::int64_t experts() const { return static_cast<std::int64_t>(counts.size()); }
};

/// An importance matrix. The squared error of an output is, on average, the sum over its row's weights of the
/// squared error times the mean square of the input, as far as inputs vary independently of each other: the
/// weights of the errors that a quantizer should make small.
struct ImportanceMatrix {
  std::map<std::string, InputSquares, std::less<>> tensors;  // by the tensor's name in the model
  std::vector<std::string> datasets;                         // the texts that it comes from
  std::int64_t chunks = 0, chunk_tokens = 0;

  /// Reads a GGUF file of general.type "imatrix". @throws Error: see gguf::File::open for malformed files;
  /// bad_model for another kind of file, and for sums and counts that do not belong together or are no sums
  /// of squares, naming the tensor.
  static ImportanceMatrix read(const std::filesystem::path& path);
  /// Writes such a file, whole or not at all. @throws Error(io).
  void write(const std::filesystem::path& path) const;

  /// The weights of the errors of one expert's rows, [cols], with a mean of 1; none where the matrix says
  /// nothing about the tensor, or no input reached the expert. Columns that the text hardly used keep a
  /// thousandth of the mean, so that other texts find something there.
  /// @throws Error(bad_model) naming a tensor of another shape.
  std::vector<float> weights(std::string_view name, const TensorView& tensor, std::int64_t expert) const;
};

}  // namespace linnet::cli
