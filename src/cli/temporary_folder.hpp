// cli/temporary_folder.hpp - a folder for the time of its scope. Never outlives it.
#pragma once

#include <stdlib.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <system_error>

#include <linnet/base/error.hpp>
#include <linnet/base/printable.hpp>

namespace linnet::cli {

/// A new folder below TMPDIR, removed with all it holds.
class TemporaryFolder {
 public:
  /// @throws Error(io).
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "linnet-XXXXXX").string();
    if (!::mkdtemp(name.data()))
      fail(ErrorCode::io, "cannot make a folder in ", path_in_quotes(std::filesystem::temp_directory_path()),
           ": ", std::generic_category().message(errno), "; set TMPDIR");
    path_ = name;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace linnet::cli
