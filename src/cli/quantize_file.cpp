// cli/quantize_file.cpp - the bodies of quantize_file.hpp.
#include "quantize_file.hpp"

#include <algorithm>
#include <string>
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
          .tied = !file.find("output.weight")};
}

/// Whether a tensor's values may be written in another type; the others are copied.
bool is_convertible(const gguf::Tensor& tensor) {
  const DType type = tensor.view.type;
  const bool is_data = type >= DType::i8 && type <= DType::f64;
  return !is_data && tensor.name.ends_with(".weight");
}

/// Converts rows from one type to another, in parallel.
class Converter {
 public:
  explicit Converter(int threads) : team_(threads > 0 ? threads : default_thread_count()) {}

  void convert(const TensorView& from, DType to, gguf::TensorSink& sink,
               const std::function<void(std::int64_t bytes)>& on_progress) {
    constexpr std::int64_t chunk_elements = 1 << 20;
    const std::int64_t cols = from.cols(),
                       step = std::max<std::int64_t>(1, chunk_elements / std::max<std::int64_t>(cols, 1));
    const std::int64_t from_bytes = from.row_bytes(), to_bytes = byte_size(to, cols);
    for (std::int64_t row = 0; row < from.rows(); row += step) {
      const std::int64_t count = std::min(step, from.rows() - row);
      values_.resize(static_cast<std::size_t>(count * cols));
      blocks_.resize(static_cast<std::size_t>(count * to_bytes));
      team_.run([&](ThreadTeam::Member& member) {
        member.for_chunks(count, 1, [&](std::int64_t begin, std::int64_t end) {
          const std::span<float> floats(values_.data() + begin * cols,
                                        static_cast<std::size_t>((end - begin) * cols));
          quant::dequantize(from.type, from.data + (row + begin) * from_bytes, floats);
          quant::quantize(to, floats, blocks_.data() + begin * to_bytes);
        });
      });
      sink.append(std::span(blocks_));
      on_progress(count * from_bytes);
    }
  }

 private:
  ThreadTeam team_;
  std::vector<float> values_;
  std::vector<std::byte> blocks_;
};

/// The directory of the file to be: all checks are made here, before the first byte is written.
gguf::Writer plan(const gguf::File& input, const quant::Mix& mix) {
  const gguf::Writer copy = gguf::Writer::copy_of(input);
  gguf::Writer writer;
  writer.metadata = copy.metadata;
  writer.metadata.set("general.file_type", mix.file_type);
  writer.metadata.set("general.quantization_version", std::uint32_t{2});
  const quant::MixedModel model = describe(input);
  for (const gguf::Tensor& tensor : input.tensors()) {
    const TensorView& view = tensor.view;
    DType type = view.type;
    if (is_convertible(tensor)) type = quant::choose_type(mix, model, tensor.name, tensor.dims, view.cols());
    if (type != view.type && !quant::is_computable(view.type))
      fail(ErrorCode::unsupported, "tensor ", in_quotes(tensor.name), " has type ", to_string(view.type),
           ", which linnet cannot read; start from a file of one of ", quant::computable_names());
    writer.add_tensor(tensor.name, type, std::span(view.shape).first(static_cast<std::size_t>(tensor.dims)));
  }
  return writer;
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

void quantize_file(const gguf::File& input, const std::filesystem::path& output, const quant::Mix& mix,
                   int threads, const std::function<void(std::int64_t bytes)>& on_progress) {
  Converter converter(threads);
  plan(input, mix).write(output, [&](const gguf::Tensor& tensor, gguf::TensorSink& sink) {
    const gguf::Tensor& source = *input.find(tensor.name);
    if (source.view.type != tensor.view.type) {
      converter.convert(source.view, tensor.view.type, sink, on_progress);
    } else {
      sink.append(std::span(source.view.data, static_cast<std::size_t>(source.view.bytes())));
      on_progress(source.view.bytes());
    }
    input.release(source);
  });
}

}  // namespace linnet::cli
