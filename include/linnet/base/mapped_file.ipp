// base/mapped_file.ipp - the body of mapped_file.hpp: open, fstat, mmap, madvise.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include <linnet/base/error.hpp>
#include <linnet/base/mapped_file.hpp>
#include <linnet/base/printable.hpp>

namespace linnet {

namespace detail {

/// Closes a descriptor when it goes out of scope.
struct Descriptor {
  int number;
  ~Descriptor() {
    if (number >= 0) close(number);
  }
};

/// madvise over the whole pages inside (inward) or around [offset, offset + length). Failure only costs
/// speed.
inline void advise_pages(std::span<const std::byte> bytes, std::uint64_t offset, std::uint64_t length,
                         int advice, bool inward) noexcept {
  if (offset >= bytes.size()) return;
  length = std::min<std::uint64_t>(length, bytes.size() - offset);
  const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  const std::uint64_t end = offset + length;
  const bool at_end = end == bytes.size();  // the last page is this file's alone
  const std::uint64_t first = (inward ? offset + page - 1 : offset) / page * page;
  const std::uint64_t last = (inward && !at_end ? end : end + page - 1) / page * page;
  if (first < last) madvise(const_cast<std::byte*>(bytes.data()) + first, last - first, advice);
}

}  // namespace detail

LINNET_INLINE MappedFile MappedFile::open(const std::filesystem::path& path) {
  const std::string name = path_in_quotes(path);
  const auto refuse = [&](ErrorCode code, const auto&... why) {
    fail(code, "cannot open ", name, ": ", why...);
  };
  const auto system_text = [] { return std::generic_category().message(errno); };

  // O_NONBLOCK: opening a named pipe must not wait for a writer.
  const detail::Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.number < 0) refuse(ErrorCode::io, system_text());
  struct stat status = {};
  if (fstat(file.number, &status) != 0) refuse(ErrorCode::io, system_text());
  if (S_ISDIR(status.st_mode)) refuse(ErrorCode::io, "it is a directory; name the file inside it");
  if (!S_ISREG(status.st_mode))
    refuse(ErrorCode::io, "it is a device or pipe, which cannot be mapped; copy it to a file");

  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (size == 0) return {};
  void* data = mmap(nullptr, size, PROT_READ, MAP_SHARED, file.number, 0);
  if (data == MAP_FAILED && errno == ENOMEM)
    refuse(ErrorCode::out_of_memory, "the system refused to map its ", size,
           " bytes; raise the limit on the address ", "space (ulimit -v)");
  if (data == MAP_FAILED) refuse(ErrorCode::io, system_text());
  return MappedFile({static_cast<const std::byte*>(data), size});
}

LINNET_INLINE MappedFile::MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

LINNET_INLINE MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

LINNET_INLINE MappedFile::~MappedFile() {
  if (!bytes_.empty()) munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

LINNET_INLINE void MappedFile::advise(Access access, std::uint64_t offset,
                                      std::uint64_t length) const noexcept {
  constexpr int advice[] = {MADV_NORMAL, MADV_SEQUENTIAL, MADV_RANDOM, MADV_WILLNEED};
  detail::advise_pages(bytes_, offset, length, advice[static_cast<int>(access)], false);
}

LINNET_INLINE void MappedFile::drop(std::uint64_t offset, std::uint64_t length) const noexcept {
  detail::advise_pages(bytes_, offset, length, MADV_DONTNEED, true);
}

}  // namespace linnet
