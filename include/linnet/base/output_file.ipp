// base/output_file.ipp - the body of output_file.hpp: a .part file, fsync, rename.
#pragma once

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include <linnet/base/error.hpp>
#include <linnet/base/output_file.hpp>
#include <linnet/base/printable.hpp>

namespace linnet {

namespace detail {

[[noreturn]] inline void fail_to_write(const std::filesystem::path& path, std::string_view why) {
  fail(ErrorCode::io, "cannot write ", path_in_quotes(path), ": ", why);
}

/// Refuses what is known before the first byte to be impossible.
inline void check_room(const std::filesystem::path& path, std::uint64_t bytes) {
  // Beyond this limit write() does not fail but raises a signal.
  rlimit limit = {};
  if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && bytes > limit.rlim_cur)
    fail_to_write(path, concat("it will have ", bytes, " bytes, and this process may write files of at most ",
                               limit.rlim_cur, "; raise the limit (ulimit -f)"));
  std::error_code error;
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  const auto space = std::filesystem::space(folder, error);
  if (!error && bytes > space.available)
    fail_to_write(path, concat("it will have ", bytes, " bytes, and the disk has ", space.available,
                               " left; free some or write elsewhere"));
}

/// Whether an open file is what a path names now.
inline bool is_same_file(int descriptor, const std::filesystem::path& path) noexcept {
  struct stat open_file = {}, named = {};
  return fstat(descriptor, &open_file) == 0 && lstat(path.c_str(), &named) == 0 &&
         open_file.st_dev == named.st_dev && open_file.st_ino == named.st_ino;
}

}  // namespace detail

LINNET_INLINE OutputFile::OutputFile(std::filesystem::path path, std::uint64_t expected_bytes)
    : path_(std::move(path)) {
  std::error_code ignored;
  if (std::filesystem::exists(path_, ignored)) {
    if (!std::filesystem::is_regular_file(path_, ignored))
      detail::fail_to_write(path_, "it exists and is no file; choose another name");
    path_ = std::filesystem::canonical(path_, ignored);  // write what a link points to, keep the link
  }
  detail::check_room(path_, expected_bytes);
  part_path_ = path_;
  part_path_ += ".part";
  ::unlink(part_path_.c_str());
  descriptor_ = ::open(part_path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor_ < 0) detail::fail_to_write(part_path_, std::generic_category().message(errno));
}

LINNET_INLINE OutputFile::~OutputFile() {
  if (descriptor_ < 0) return;
  if (detail::is_same_file(descriptor_, part_path_)) ::unlink(part_path_.c_str());
  ::close(descriptor_);
}

LINNET_INLINE void OutputFile::append(std::span<const std::byte> bytes) {
  constexpr std::size_t buffer_bytes = 1u << 20;
  if (pending_.size() + bytes.size() > buffer_bytes) flush();
  if (bytes.size() >= buffer_bytes) {
    write_out(bytes);
  } else {
    pending_.insert(pending_.end(), bytes.begin(), bytes.end());
  }
  size_ += bytes.size();
}

LINNET_INLINE void OutputFile::append_zeros(std::uint64_t count) {
  static constexpr std::byte zeros[4096] = {};
  for (; count > 0; count -= std::min<std::uint64_t>(count, sizeof zeros))
    append(std::span(zeros).first(static_cast<std::size_t>(std::min<std::uint64_t>(count, sizeof zeros))));
}

LINNET_INLINE void OutputFile::commit() {
  flush();
  if (!detail::is_same_file(descriptor_, part_path_))
    detail::fail_to_write(path_, "another program replaced its .part file; run one writer at a time");
  if (::fsync(descriptor_) != 0 || ::rename(part_path_.c_str(), path_.c_str()) != 0)
    detail::fail_to_write(path_, std::generic_category().message(errno));
  ::close(std::exchange(descriptor_, -1));
  // The new name is durable once the folder is. A file system that cannot do that has done what it can.
  const auto folder = path_.has_parent_path() ? path_.parent_path() : std::filesystem::path(".");
  const int directory = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return;
  ::fsync(directory);
  ::close(directory);
}

LINNET_INLINE void OutputFile::write_out(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) detail::fail_to_write(path_, std::generic_category().message(errno));
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

LINNET_INLINE void OutputFile::flush() {
  write_out(pending_);
  pending_.clear();
}

}  // namespace linnet
