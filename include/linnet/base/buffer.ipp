// base/buffer.ipp - the body of buffer.hpp: anonymous mappings and the hint for huge pages.
#pragma once

#include <sys/mman.h>

#include <linnet/base/buffer.hpp>
#include <linnet/base/error.hpp>

namespace linnet {

LINNET_INLINE Buffer::Buffer(std::size_t bytes) : bytes_(bytes) {
  if (bytes == 0) return;
  void* memory = MAP_FAILED;
  if (bytes <= PTRDIFF_MAX)
    memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    fail(ErrorCode::out_of_memory, "cannot allocate ", ((bytes - 1) >> 20) + 1,
         " MiB: the system refused; use a smaller model, ",
         "context or cache type, or raise the limit (ulimit -v)");
#ifdef MADV_HUGEPAGE
  constexpr std::size_t worth_huge_pages = 1u << 20;
  if (bytes >= worth_huge_pages) madvise(memory, bytes, MADV_HUGEPAGE);  // a hint: failure only costs speed
#endif
  data_ = static_cast<std::byte*>(memory);
}

LINNET_INLINE Buffer::~Buffer() {
  if (data_) munmap(data_, bytes_);
}

}  // namespace linnet
