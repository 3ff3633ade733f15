// gguf/foreign.ipp - the body of foreign.hpp: the first bytes of what people take for GGUF files.
#pragma once

#include <algorithm>

#include <linnet/gguf/foreign.hpp>

namespace linnet::gguf {

namespace detail {

struct Signature {
  std::size_t offset;
  std::string_view bytes;  // letters in lower case
  std::string_view advice;
};

inline constexpr std::string_view older =
    "it is a GGML file from before GGUF (2023); fetch the model as GGUF";
inline constexpr std::string_view web_page =
    "it is a web page; fetch the file itself: the link was to a page about it";
inline constexpr std::string_view text = "it is a text or JSON file; expected the model's .gguf file";
inline constexpr std::string_view packed = "it is a compressed archive; unpack it";

// Sources: the PyTorch, safetensors, Git LFS, zip, gzip, zstd and GGML formats.
inline constexpr Signature signatures[] = {
    {0, "version https://git-lfs",
     "it is a Git LFS pointer, not the file itself; run `git lfs pull` in its folder"},
    {0, "<!doctype", web_page},
    {0, "<html", web_page},
    {0, "<?xml", web_page},
    {8, "{\"", "it looks like a safetensors file; convert the model's folder to GGUF first"},
    {0, "pk\x03\x04",
     "it is a zip archive, perhaps a PyTorch checkpoint; convert the model's folder to GGUF first"},
    {0, "\x80\x02", "it looks like a PyTorch checkpoint (pickle); convert the model's folder to GGUF first"},
    {0, "lmgg", older},
    {0, "fmgg", older},
    {0, "tjgg", older},
    {0, "{", text},
    {0, "\x1f\x8b", packed},
    {0, "\x28\xb5\x2f\xfd", packed},
};

}  // namespace detail

LINNET_INLINE std::string_view describe_foreign(std::span<const std::byte> bytes) noexcept {
  const auto same = [](std::byte found, char expected) {
    const char c = static_cast<char>(found);
    return (c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c) == expected;
  };
  for (const detail::Signature& signature : detail::signatures) {
    if (bytes.size() < signature.offset + signature.bytes.size()) continue;
    const auto start = bytes.subspan(signature.offset, signature.bytes.size());
    if (std::equal(start.begin(), start.end(), signature.bytes.begin(), same)) return signature.advice;
  }
  return "its first bytes are those of no known model file; check the path, or fetch it again";
}

}  // namespace linnet::gguf
