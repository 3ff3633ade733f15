// tests/model/edited_model.hpp - a fixture's file with keys and tensors changed. Never valid by itself.
#pragma once

#include <initializer_list>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <linnet/gguf/writer.hpp>
#include <linnet/model/model.hpp>
#include <linnet/quant/convert.hpp>
#include <model/fixtures.hpp>
#include <support/temporary_folder.hpp>

namespace linnet::tests {

class EditedModel {
 public:
  explicit EditedModel(std::string_view name) : file_(gguf::File::open(fixture_path(name))) {
    metadata_ = file_.metadata();
    for (const gguf::Tensor& tensor : file_.tensors())
      tensors_.push_back({tensor.name, tensor.view, tensor.dims});
  }

  gguf::Metadata& metadata() { return metadata_; }
  EditedModel& set(std::string_view key, gguf::Value value) {
    metadata_.set(key, std::move(value));
    return *this;
  }
  EditedModel& erase(std::string_view key) {
    metadata_.erase(key);
    return *this;
  }
  EditedModel& drop(std::string_view tensor) {
    std::erase_if(tensors_, [&](const Entry& entry) { return entry.name == tensor; });
    return *this;
  }
  /// A tensor of zeros, in place of one of this name.
  EditedModel& zeros(std::string_view tensor, DType type, const std::vector<std::int64_t>& shape) {
    drop(tensor);
    TensorView view{.type = type, .shape = {1, 1, 1, 1}, .data = nullptr};
    std::copy(shape.begin(), shape.end(), view.shape.begin());
    view.data = owned_.emplace_back(static_cast<std::size_t>(view.bytes())).data();
    tensors_.push_back({std::string(tensor), view, static_cast<int>(shape.size())});
    return *this;
  }
  /// Tensors of one row length, converted to another type.
  EditedModel& convert(DType type, std::int64_t multiple_of = 1) {
    for (Entry& entry : tensors_) {
      if (entry.dims < 2 || entry.view.cols() % multiple_of != 0) continue;
      std::vector<float> values(static_cast<std::size_t>(entry.view.elements()));
      quant::dequantize(entry.view.type, entry.view.data, values);
      entry.view.type = type;
      auto& bytes = owned_.emplace_back(static_cast<std::size_t>(entry.view.bytes()));
      quant::quantize(type, values, bytes.data());
      entry.view.data = bytes.data();
    }
    return *this;
  }

  /// Calls edit(values) with a tensor's values and makes them its own, as F32.
  template <class Edit>
  EditedModel& change(std::string_view tensor, Edit&& edit) {
    for (Entry& entry : tensors_) {
      if (entry.name != tensor) continue;
      std::vector<float> values(static_cast<std::size_t>(entry.view.elements()));
      quant::dequantize(entry.view.type, entry.view.data, values);
      edit(std::span(values));
      const auto bytes = std::as_bytes(std::span(values));
      entry.view.type = DType::f32;
      entry.view.data = owned_.emplace_back(bytes.begin(), bytes.end()).data();
    }
    return *this;
  }

  std::shared_ptr<const Model> load(const LoadOptions& options = {}) const {
    gguf::Writer writer;
    writer.metadata = metadata_;
    for (const Entry& entry : tensors_) writer.add_tensor(entry.name, entry.view, entry.dims);
    writer.write(folder_ / "edited.gguf");
    return Model::load(folder_ / "edited.gguf", options);
  }

 private:
  struct Entry {
    std::string name;
    TensorView view;
    int dims;
  };
  gguf::File file_;
  gguf::Metadata metadata_;
  std::vector<Entry> tensors_;
  std::list<std::vector<std::byte>> owned_;
  TemporaryFolder folder_;
};

}  // namespace linnet::tests
