// gguf/directory.hpp - checks one GGUF file's header, keys and tensor list, strictly and in order. Never
// reads a tensor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <linnet/base/config.hpp>
#include <linnet/gguf/cursor.hpp>
#include <linnet/gguf/reader.hpp>

namespace linnet::gguf::detail {

/// Reads the directory of one file into a File, which takes views of the bytes. Every step may throw; the
/// order of the steps decides which of several faults is reported.
class DirectoryReader {
 public:
  explicit DirectoryReader(std::span<const std::byte> bytes) : bytes_(bytes), cursor_(bytes) {}

  File read();

 private:
  void read_header();
  void read_key(std::uint64_t index);
  ValueType read_value_type(const Place& place);
  void skip_value(ValueType type, const Place& place);
  void skip_array(const Place& place);
  void skip_string(const Place& place);
  void check_bools(std::span<const std::byte> bools, const Place& place) const;
  void read_alignment();
  void read_tensor(std::uint64_t index);
  std::string_view read_tensor_name(std::uint64_t index);
  void read_shape(Tensor& tensor, const Place& place);
  void read_type(Tensor& tensor, const Place& place);
  void read_offset(Tensor& tensor, const Place& place);
  void place_tensors();
  void check_overlaps() const;
  void note_trailing_bytes();

  std::span<const std::byte> bytes_;
  Cursor cursor_;
  File file_;
  std::uint64_t key_count_ = 0;
  std::uint64_t tensor_count_ = 0;
  std::uint64_t data_start_ = 0;
};

}  // namespace linnet::gguf::detail

#ifdef LINNET_HEADER_ONLY
#include <linnet/gguf/directory.ipp>
#endif
