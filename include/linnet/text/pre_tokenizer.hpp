// text/pre_tokenizer.hpp - cuts text into the words within which byte-level BPE merges. Never knows a
// vocabulary.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include <linnet/base/config.hpp>

namespace linnet {

/// Where the word that begins at text[at] ends: > at. Cost: O(length of the word), over a text.
/// @pre at < text.size()
using WordScanner = std::size_t (*)(std::string_view text, std::size_t at) noexcept;

/// A way to cut text, by the name of the GGUF key tokenizer.ggml.pre. Each scanner cuts the words of the one
/// before it again, as if each were a text of its own.
struct PreTokenizer {
  std::string_view name;
  std::span<const WordScanner> scanners;
  bool ignore_merges = false;  // a word that is a token is that token, whatever the merges make of it
  bool adds_bos = false;       // where the file does not say
  bool composes = false;       // text is put in Unicode's normal form C first
};

/// All that are known. The regular expression that each stands for is in the .ipp, beside its scanner.
std::span<const PreTokenizer> pre_tokenizers() noexcept;

/// The pre-tokenizer of this name, or nullptr.
const PreTokenizer* find_pre_tokenizer(std::string_view name) noexcept;

/// Calls visit(word) for each word in order; joined, the words are the text. Linear in the text's length.
template <class Visit>
void split_words(std::span<const WordScanner> scanners, std::string_view text, const Visit& visit) {
  if (scanners.empty()) return visit(text);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = scanners.front()(text, at);
    split_words(scanners.subspan(1), text.substr(at, end - at), visit);
    at = end;
  }
}

}  // namespace linnet

#ifdef LINNET_HEADER_ONLY
#include <linnet/text/pre_tokenizer.ipp>
#endif
