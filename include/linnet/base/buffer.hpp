// base/buffer.hpp - large aligned memory in huge pages where the system has them. Never constructs objects in
// it.
#pragma once

#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>

#include <linnet/base/config.hpp>

namespace linnet {

/// Zeroed memory, page-aligned, asked for in 2 MiB pages from 1 MiB up: streaming weights through 4 KiB pages
/// costs up to 30 % of the bandwidth. Movable, not copyable.
class Buffer {
 public:
  Buffer() = default;
  /// @throws Error(out_of_memory) with the size asked for.
  explicit Buffer(std::size_t bytes);
  Buffer(Buffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Buffer();

  std::byte* data() noexcept { return data_; }
  const std::byte* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return bytes_; }

  /// The buffer as an array of T from `offset` bytes on. @pre it fits and is aligned for T.
  template <class T>
  T* as(std::size_t offset = 0) noexcept {
    static_assert(std::is_trivially_copyable_v<T>);
    return reinterpret_cast<T*>(data_ + offset);
  }

 private:
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace linnet

#ifdef LINNET_HEADER_ONLY
#include <linnet/base/buffer.ipp>
#endif
