// text/special_tokens.hpp - finds the tokens that are whole before a text is split. Never splits one itself.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <linnet/base/config.hpp>
#include <linnet/text/vocabulary.hpp>

namespace linnet {

/// The control, unknown and user-defined tokens of a vocabulary as a trie of their texts.
class SpecialTokens {
 public:
  /// Longer texts are not looked for: they bound the cost of a search.
  static constexpr std::size_t max_length = 256;

  struct Match {
    std::size_t begin;     // of the token's text
    std::size_t text_end;  // after it
    std::size_t end;       // after it, and after the white space that it takes with it
    Token token;
  };

  /// `escaped_spaces`: U+2581 and a space are the same, in the vocabulary's texts and in those that are
  /// searched (SentencePiece). Adds a line to `warnings` for texts over max_length.
  SpecialTokens(const Vocabulary& vocabulary, bool escaped_spaces, std::vector<std::string>& warnings);

  /// The first token in text[from...], the longest of those that begin there. `control` false: only
  /// user-defined tokens are looked for. Cost: at most max_length steps a byte, in ordinary texts about one.
  std::optional<Match> find(std::string_view text, std::size_t from, bool control) const noexcept;
  /// The same, where control tokens begin at these places alone, which ascend.
  std::optional<Match> find(std::string_view text, std::size_t from,
                            std::span<const std::size_t> control_at) const noexcept;

 private:
  struct Node {
    char byte;
    std::uint32_t child = 0;  // first of its children; 0: none
    std::uint32_t sibling = 0;
    Token token = -1;  // whose text ends here
    bool control = false;
    bool strips_right = false;
  };

  /// What is compared next, and how many bytes of the text it is.
  struct Step {
    char byte;
    std::size_t length;
  };

  Step read(std::string_view text, std::size_t at) const noexcept;
  void insert(std::string_view text, Token token, bool control, bool strips_right);
  std::optional<Match> match(std::string_view text, std::size_t at, bool control) const noexcept;
  template <class IsControlAt>
  std::optional<Match> find_if(std::string_view text, std::size_t from,
                               IsControlAt is_control_at) const noexcept;

  bool escaped_spaces_;
  std::vector<Node> nodes_{Node{}};         // the first is unused, so that 0 means none
  std::array<std::uint32_t, 256> first_{};  // the node of each first byte
};

}  // namespace linnet

#ifdef LINNET_HEADER_ONLY
#include <linnet/text/special_tokens.ipp>
#endif
