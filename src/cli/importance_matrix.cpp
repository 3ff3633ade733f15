// cli/importance_matrix.cpp - the bodies of importance_matrix.hpp. Format: the importance matrices of
// llama-imatrix since 2025, in GGUF.
#include "importance_matrix.hpp"

#include <algorithm>
#include <cmath>

#include <linnet/base/error.hpp>
#include <linnet/base/printable.hpp>
#include <linnet/gguf/reader.hpp>
#include <linnet/gguf/writer.hpp>
#include <linnet/model/weights.hpp>

namespace linnet::cli {
namespace {

constexpr std::string_view sums_end = ".in_sum2", counts_end = ".counts";

bool is_sum_of_squares(float value) { return std::isfinite(value) && value >= 0; }

InputSquares read_squares(const gguf::File& file, const gguf::Tensor& sums, const std::string& name) {
  const gguf::Tensor* const counts = file.find(concat(name, counts_end));
  if (!counts)
    fail(ErrorCode::bad_model, "tensor ", in_quotes(concat(name, counts_end)),
         " is missing; the importance matrix is not whole");
  const TensorView& view = sums.view;
  if (view.type != DType::f32 || counts->view.type != DType::f32 || counts->view.elements() != view.rows() ||
      view.elements() == 0)
    fail(ErrorCode::bad_model, "tensor ", in_quotes(sums.name), ": expected F32 [cols, experts] and as many ",
         "counts, the file has ", to_string(view.type), ' ', to_string(view.shape), " and ",
         to_string(counts->view.type), ' ', to_string(counts->view.shape));
  InputSquares squares{view.cols(), read_floats(sums), read_floats(*counts)};
  if (!std::all_of(squares.sums.begin(), squares.sums.end(), is_sum_of_squares) ||
      !std::all_of(squares.counts.begin(), squares.counts.end(), is_sum_of_squares))
    fail(ErrorCode::bad_model, "tensor ", in_quotes(sums.name),
         ": a sum of squares or its count is negative or not finite; collect the importance matrix again");
  return squares;
}

ImportanceMatrix read_matrix(const gguf::File& file) {
  const gguf::Metadata& metadata = file.metadata();
  const std::string_view type = metadata.text("general.type", "");
  if (type != "imatrix")
    fail(ErrorCode::bad_model, "key \"general.type\": expected \"imatrix\", the file has ", in_quotes(type),
         "; make an importance matrix with `linnet imatrix`");
  ImportanceMatrix matrix;
  matrix.chunks = metadata.integer("imatrix.chunk_count", 0);
  matrix.chunk_tokens = metadata.integer("imatrix.chunk_size", 0);
  if (metadata.contains("imatrix.datasets"))
    for (std::string_view name : metadata.texts("imatrix.datasets")) matrix.datasets.emplace_back(name);
  for (const gguf::Tensor& tensor : file.tensors()) {
    if (!tensor.name.ends_with(sums_end)) continue;
    const std::string name = tensor.name.substr(0, tensor.name.size() - sums_end.size());
    matrix.tensors.emplace(name, read_squares(file, tensor, name));
  }
  if (matrix.tensors.empty()) fail(ErrorCode::bad_model, "the importance matrix has no tensors");
  return matrix;
}

}  // namespace

ImportanceMatrix ImportanceMatrix::read(const std::filesystem::path& path) {
  const gguf::File file = gguf::File::open(path);
  try {
    return read_matrix(file);
  } catch (const Error& error) {
    fail(error.code(), path.string(), ": ", error.what());
  }
}

void ImportanceMatrix::write(const std::filesystem::path& path) const {
  gguf::Writer writer;
  writer.metadata.set("general.type", "imatrix");
  writer.metadata.set("imatrix.datasets", datasets);
  writer.metadata.set("imatrix.chunk_count", static_cast<std::uint32_t>(chunks));
  writer.metadata.set("imatrix.chunk_size", static_cast<std::uint32_t>(chunk_tokens));
  for (const auto& [name, squares] : tensors) {
    writer.add_tensor(concat(name, sums_end), DType::f32, {squares.cols, squares.experts()});
    writer.add_tensor(concat(name, counts_end), DType::f32, {1, squares.experts()});
  }
  writer.write(path, [&](const gguf::Tensor& tensor, gguf::TensorSink& sink) {
    const bool is_sums = tensor.name.ends_with(sums_end);
    const std::size_t length = tensor.name.size() - (is_sums ? sums_end : counts_end).size();
    const InputSquares& squares = tensors.find(std::string_view(tensor.name).substr(0, length))->second;
    sink.append(std::span(is_sums ? squares.sums : squares.counts));
  });
}

std::vector<float> ImportanceMatrix::weights(std::string_view name, const TensorView& tensor,
                                             std::int64_t expert) const {
  const auto found = tensors.find(name);
  if (found == tensors.end()) return {};
  const InputSquares& squares = found->second;
  if (squares.cols != tensor.cols() || squares.experts() != tensor.shape[2] || tensor.shape[3] != 1)
    fail(ErrorCode::bad_model, "tensor ", in_quotes(name), ' ', to_string(tensor.shape),
         ": the importance matrix has ", squares.cols, " columns for each of ", squares.experts(),
         " experts; it belongs to another model");
  const float* const sums = squares.sums.data() + expert * squares.cols;
  double total = 0;
  for (std::int64_t c = 0; c < squares.cols; ++c) total += sums[c];
  const double mean = total / static_cast<double>(squares.cols);
  if (squares.counts[static_cast<std::size_t>(expert)] == 0 || mean == 0) return {};
  constexpr double least = 1e-3, most = 1 << 20;
  std::vector<float> out;
  for (std::int64_t c = 0; c < squares.cols; ++c)
    out.push_back(static_cast<float>(std::clamp(sums[c] / mean, least, most)));
  return out;
}

}  // namespace linnet::cli
