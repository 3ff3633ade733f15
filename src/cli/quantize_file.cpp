// cli/quantize_file.cpp - the bodies of quantize_file.hpp.
#include "quantize_file.hpp"

#include <algorithm>
#include <cmath>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include <linnet/base/error.hpp>
#include <linnet/base/printable.hpp>
#include <linnet/base/threads.hpp>
#include <linnet/gguf/writer.hpp>
#include <linnet/quant/convert.hpp>
#include <linnet/quant/formats.hpp>

namespace linnet::cli {
namespace {

/// What the mix's rules ask about a model. Files that are no model have none of it.
quant::MixedModel describe(const gguf::File& file) {
  const gguf::Metadata& metadata = file.metadata();
  const std::string architecture(metadata.text("general.architecture", ""));
  const auto number = [&](std::string_view key, std::int64_t fallback) {
    const gguf::Value* const value = metadata.find(concat(architecture, ".", key));
    return value ? value->integer().value_or(fallback) : fallback;
  };
  const std::int64_t heads = number("attention.head_count", 1);
  return {.layers = number("block_count", 0),
          .group = heads / std::max<std::int64_t>(1, number("attention.head_count_kv", heads)),
          .tied = !file.find("output.weight"),
          .experts = number("expert_count", 0)};
}

/// Whether a tensor's values may be written in another type; the others are copied.
bool is_convertible(const gguf::Tensor& tensor) {
  const DType type = tensor.view.type;
  const bool is_data = type >= DType::i8 && type <= DType::f64;
  return !is_data && tensor.name.ends_with(".weight");
}

/// Converts rows from one type to another, in parallel: while some are computed, those before are written.
class Converter {
 public:
  explicit Converter(int threads) : team_(resolve_thread_count(threads)) {}

  /// @param weights  of the errors of each expert's rows, in turn: [experts][cols], or none
  void convert(const TensorView& from, DType to, const std::vector<std::vector<float>>& weights,
               gguf::TensorSink& sink,
               const std::function<void(std::int64_t bytes, const SquaredError& error)>& on_progress) {
    constexpr std::int64_t chunk_elements = 1 << 20;
    const std::int64_t cols = from.cols(),
                       step = std::max<std::int64_t>(1, chunk_elements / std::max<std::int64_t>(cols, 1));
    const std::int64_t to_bytes = byte_size(to, cols);
    for (std::int64_t first = 0; first < from.rows(); first += step) {
      const std::int64_t count = std::min(step, from.rows() - first);
      values_.resize(static_cast<std::size_t>(count * cols));
      restored_.resize(values_.size());
      blocks_.resize(static_cast<std::size_t>(count * to_bytes));
      errors_.assign(static_cast<std::size_t>(count), {});
      std::exception_ptr failure;  // of writing: it must not leave the team
      team_.run([&](ThreadTeam::Member& member) {
        if (member.index() == 0) failure = try_write(sink);
        member.for_chunks(count, 1, [&](std::int64_t row, std::int64_t) {
          const std::size_t expert = static_cast<std::size_t>((first + row) / from.shape[1]);
          convert_row(from, first + row, row, to,
                      weights.empty() ? std::span<const float>() : weights[expert]);
        });
      });
      if (failure) std::rethrow_exception(failure);
      std::swap(blocks_, finished_);
      SquaredError error;  // added up in the order of rows, whoever computed them
      for (const SquaredError& row : errors_) error += row;
      on_progress(count * from.row_bytes(), error);
    }
    if (const std::exception_ptr failure = try_write(sink)) std::rethrow_exception(failure);
  }

 private:
  /// Writes the blocks that are finished.
  std::exception_ptr try_write(gguf::TensorSink& sink) noexcept {
    try {
      sink.append(std::span(finished_));
      finished_.clear();
      return nullptr;
    } catch (...) {
      return std::current_exception();
    }
  }

  void convert_row(const TensorView& from, std::int64_t from_row, std::int64_t row, DType to,
                   std::span<const float> weights) {
    const auto cols = static_cast<std::size_t>(from.cols()), at = static_cast<std::size_t>(row) * cols;
    const std::span<float> floats = std::span(values_).subspan(at, cols);
    const std::span<float> restored = std::span(restored_).subspan(at, cols);
    std::byte* const blocks = blocks_.data() + row * byte_size(to, from.cols());
    quant::dequantize(from.type, from.data + from_row * from.row_bytes(), floats);
    quant::quantize(to, floats, blocks, weights);
    quant::dequantize(to, blocks, restored);
    errors_[static_cast<std::size_t>(row)] = compare(floats, restored);
  }

  /// In eight parts, which compilers turn into vectors.
  static SquaredError compare(std::span<const float> expected, std::span<const float> found) {
    constexpr std::size_t lanes = 8, run = 256;  // short sums in float, their sums in double
    SquaredError out;
    for (std::size_t begin = 0; begin < expected.size(); begin += run) {
      const std::size_t end = std::min(begin + run, expected.size());
      float errors[lanes] = {}, squares[lanes] = {};
      for (std::size_t i = begin; i < end; ++i) {
        const float error = found[i] - expected[i];
        errors[i % lanes] += error * error;
        squares[i % lanes] += expected[i] * expected[i];
      }
      SquaredError sum;
      for (std::size_t j = 0; j < lanes; ++j) sum += {.error = errors[j], .square = squares[j]};
      const bool is_whole = std::isfinite(sum.error) && std::isfinite(sum.square);
      out += is_whole ? sum : compare_each(expected.subspan(begin, end - begin), found.subspan(begin));
    }
    return out;
  }

  /// Where a float cannot hold the sums. What is not finite says nothing of the type, and is counted.
  static SquaredError compare_each(std::span<const float> expected, std::span<const float> found) {
    SquaredError out;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      if (!std::isfinite(expected[i])) {
        ++out.not_finite;
      } else if (const double value = expected[i]; std::isfinite(found[i])) {
        out.error += (found[i] - value) * (found[i] - value);
        out.square += value * value;
      }
    }
    return out;
  }

  ThreadTeam team_;
  std::vector<float> values_, restored_;
  std::vector<std::byte> blocks_, finished_;
  std::vector<SquaredError> errors_;  // by row
};

/// Makes one file: what its tensors are to be, then their data.
class FileQuantizer {
 public:
  FileQuantizer(const gguf::File& input, const QuantizeOptions& options)
      : input_(input), options_(options), converter_(options.threads) {}

  /// The directory of the file to be: all checks are made here, before the first byte is written.
  gguf::Writer plan();
  void write(const gguf::Writer& writer, const std::filesystem::path& output, const OnQuantized& on_progress);
  const QuantizeReport& report() const { return report_; }

 private:
  void describe_origin(gguf::Metadata& metadata) const;
  DType choose_type(const gguf::Tensor& tensor, const quant::MixedModel& model);
  const TypeOverride* find_override(const std::string& name);
  std::vector<std::vector<float>> weights(const gguf::Tensor& tensor) const;
  void check_used() const;
  void check_has_weights() const;

  const gguf::File& input_;
  const QuantizeOptions& options_;
  Converter converter_;
  QuantizeReport report_;
  std::vector<bool> used_ = std::vector<bool>(options_.overrides.size());
};

void FileQuantizer::describe_origin(gguf::Metadata& metadata) const {
  metadata.set("general.file_type", options_.mix.file_type);
  metadata.set("general.quantization_version", std::uint32_t{2});
  if (!options_.importance) return;
  const ImportanceMatrix& matrix = *options_.importance;
  metadata.set("quantize.imatrix.file", options_.importance_name);
  if (!matrix.datasets.empty()) metadata.set("quantize.imatrix.dataset", matrix.datasets[0]);
  metadata.set("quantize.imatrix.entries_count", static_cast<std::uint32_t>(matrix.tensors.size()));
  metadata.set("quantize.imatrix.chunks_count", static_cast<std::uint32_t>(matrix.chunks));
}

const TypeOverride* FileQuantizer::find_override(const std::string& name) {
  const TypeOverride* found = nullptr;
  for (std::size_t i = 0; i < options_.overrides.size(); ++i) {
    if (!std::regex_search(name, options_.overrides[i].pattern)) continue;
    used_[i] = true;
    if (!found) found = &options_.overrides[i];
  }
  return found;
}

DType FileQuantizer::choose_type(const gguf::Tensor& tensor, const quant::MixedModel& model) {
  const TensorView& view = tensor.view;
  if (!is_convertible(tensor)) return view.type;
  const TypeOverride* const asked =
      quant::is_mixed(tensor.name, tensor.dims) ? find_override(tensor.name) : nullptr;
  if (!asked) return quant::choose_type(options_.mix, model, tensor.name, tensor.dims, view.cols());
  if (view.cols() % info(asked->type).block_length != 0)
    fail(ErrorCode::invalid_argument, "--tensor-type ", asked->text, ": tensor ", in_quotes(tensor.name),
         " has rows of ", view.cols(), ", which are no whole number of blocks of ",
         info(asked->type).block_length);
  ++report_.overridden;
  return asked->type;
}

std::vector<std::vector<float>> FileQuantizer::weights(const gguf::Tensor& tensor) const {
  std::vector<std::vector<float>> out;
  if (!options_.importance || !options_.importance->tensors.contains(tensor.name)) return out;
  for (std::int64_t expert = 0; expert < tensor.view.shape[2]; ++expert)
    out.push_back(options_.importance->weights(tensor.name, tensor.view, expert));
  return out;
}

void FileQuantizer::check_used() const {
  for (std::size_t i = 0; i < used_.size(); ++i)
    if (!used_[i])
      fail(ErrorCode::invalid_argument, "--tensor-type ", options_.overrides[i].text,
           " fits no weight of the model; see `linnet inspect` for their names");
  if (options_.importance && report_.weighted == 0)
    fail(ErrorCode::bad_model, "the importance matrix ", in_quotes(options_.importance_name),
         " names none of the model's weights; it belongs to another model");
}

/// Adapters, importance matrices and vocabularies have nothing that a mix decides.
void FileQuantizer::check_has_weights() const {
  for (const gguf::Tensor& tensor : input_.tensors())
    if (is_convertible(tensor) && quant::is_mixed(tensor.name, tensor.dims)) return;
  const std::string_view kind = input_.metadata().text("general.type", "");
  fail(ErrorCode::invalid_argument, path_in_quotes(input_.paths()[0]),
       " has no weights to quantize; expected a model, found ",
       kind.empty() ? concat(input_.tensors().size(), " tensors, none of which is a matrix NAME.weight")
                    : concat("a file of general.type ", in_quotes(kind)));
}

gguf::Writer FileQuantizer::plan() {
  check_has_weights();
  gguf::Writer writer;
  writer.metadata = gguf::Writer::copy_of(input_).metadata;
  describe_origin(writer.metadata);
  const quant::MixedModel model = describe(input_);
  for (const gguf::Tensor& tensor : input_.tensors()) {
    const TensorView& view = tensor.view;
    const DType type = choose_type(tensor, model);
    if (type != view.type && !quant::is_computable(view.type))
      fail(ErrorCode::unsupported, "tensor ", in_quotes(tensor.name), " has type ", to_string(view.type),
           ", which linnet cannot read; start from a file of one of ", quant::computable_names());
    report_.weighted += !weights(tensor).empty();
    writer.add_tensor(tensor.name, type, std::span(view.shape).first(static_cast<std::size_t>(tensor.dims)));
  }
  check_used();
  return writer;
}

void FileQuantizer::write(const gguf::Writer& writer, const std::filesystem::path& output,
                          const OnQuantized& on_progress) {
  writer.write(output, [&](const gguf::Tensor& tensor, gguf::TensorSink& sink) {
    const gguf::Tensor& source = *input_.find(tensor.name);
    QuantizeReport::Type& type = report_.types[tensor.view.type];
    ++type.tensors;
    type.weights += tensor.view.elements();
    type.bytes += tensor.view.bytes();
    if (source.view.type != tensor.view.type) {
      converter_.convert(source.view, tensor.view.type, weights(source), sink,
                         [&](std::int64_t bytes, const SquaredError& error) {
                           type.error += error;
                           report_.error += error;
                           on_progress(bytes, report_);
                         });
    } else {
      sink.append(std::span(source.view.data, static_cast<std::size_t>(source.view.bytes())));
      on_progress(source.view.bytes(), report_);
    }
    input_.release(source);
  });
}

}  // namespace

std::string mix_names() {
  std::string names;
  for (const quant::Mix& mix : quant::mixes) names += concat(names.empty() ? "" : ", ", mix.name);
  return names;
}

const quant::Mix& require_mix(std::string_view name) {
  if (const quant::Mix* const mix = quant::find_mix(name)) return *mix;
  fail(ErrorCode::invalid_argument, "type ", in_quotes(name), " is not known; expected one of ", mix_names());
}

TypeOverride TypeOverride::parse(std::string_view text) {
  const std::size_t equals = text.rfind('=');
  const std::string_view name = equals == text.npos ? "" : text.substr(equals + 1);
  const auto type = parse_dtype(name);
  if (equals == 0 || !type || !quant::is_computable(*type))
    fail(ErrorCode::invalid_argument, "--tensor-type ", in_quotes(text),
         ": expected REGEX=TYPE, TYPE one of ", quant::computable_names());
  try {
    return {std::string(text), std::regex(std::string(text.substr(0, equals))), *type};
  } catch (const std::regex_error& error) {
    fail(ErrorCode::invalid_argument, "--tensor-type ", in_quotes(text),
         " has a regular expression that is none: ", error.what());
  }
}

SquaredError& SquaredError::operator+=(const SquaredError& other) {
  error += other.error;
  square += other.square;
  not_finite += other.not_finite;
  return *this;
}

double SquaredError::relative() const { return square > 0 ? std::sqrt(error / square) : 0; }

QuantizeReport quantize_file(const gguf::File& input, const std::filesystem::path& output,
                             const QuantizeOptions& options, const OnQuantized& on_progress) {
  FileQuantizer quantizer(input, options);
  quantizer.write(quantizer.plan(), output, on_progress);
  return quantizer.report();
}

}  // namespace linnet::cli
