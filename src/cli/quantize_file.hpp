// cli/quantize_file.hpp - a GGUF file with its weights in other types. Never holds more than a few rows of
// it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include <linnet/gguf/reader.hpp>
#include <linnet/quant/mix.hpp>

#include "importance_matrix.hpp"

namespace linnet::cli {

/// The mix of this name. @throws Error(invalid_argument) listing all.
const quant::Mix& require_mix(std::string_view name);
/// "F32, F16, ...".
std::string mix_names();

/// Gives every weight whose name a pattern is found in a type of its own.
struct TypeOverride {
  std::string text;  // as the user wrote it
  std::regex pattern;
  DType type;

  /// REGEX=TYPE. @throws Error(invalid_argument) for text of another form.
  static TypeOverride parse(std::string_view text);
};

struct QuantizeOptions {
  const quant::Mix& mix;
  std::vector<TypeOverride> overrides = {};      // before the mix; the first that fits wins
  const ImportanceMatrix* importance = nullptr;  // null: all errors count alike
  std::string importance_name = {};              // what the file says of its origin
  int threads = 0;                               // 0: what the machine grants
};

/// Squared errors of rewritten weights, and the squares of the weights themselves.
struct SquaredError {
  double error = 0, square = 0;
  std::int64_t not_finite = 0;  // weights that are NaN or infinite, in none of the sums

  SquaredError& operator+=(const SquaredError& other);
  /// The relative root mean square error; 0 of nothing.
  double relative() const;
};

/// What a file was made of.
struct QuantizeReport {
  struct Type {
    std::int64_t tensors = 0, weights = 0, bytes = 0;
    SquaredError error;  // of the tensors that had another type before
  };
  std::map<DType, Type> types;  // of the new file
  SquaredError error;
  std::int64_t weighted = 0, overridden = 0;  // tensors
};

/// Called with bytes of input that are done, and what was found so far; may throw, to cancel.
using OnQuantized = std::function<void(std::int64_t bytes, const QuantizeReport& so_far)>;

/// Writes `input` to `output` with the types of a mix; metadata and small tensors stay, but for
/// general.file_type, general.quantization_version and quantize.imatrix.*. Appears under its name whole or
/// not at all. The bytes do not depend on the threads.
/// @throws Error(unsupported) naming a tensor whose type cannot be read; Error(invalid_argument) for a file
/// without weights, and for an override that fits no tensor, or a tensor's rows do not fit; Error(bad_model)
/// for an importance matrix of another model; Error(io).
QuantizeReport quantize_file(const gguf::File& input, const std::filesystem::path& output,
                             const QuantizeOptions& options, const OnQuantized& on_progress);

}  // namespace linnet::cli
