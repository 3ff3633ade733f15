// text/chat_template.hpp - a model's way of writing a conversation as one text. Never tokenizes it.
#pragma once

#include <ctime>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include <linnet/base/config.hpp>
#include <linnet/text/jinja/interpreter.hpp>
#include <linnet/text/jinja/value.hpp>

namespace linnet {

/// One turn of a conversation.
struct ChatMessage {
  std::string role;  // "system", "user", "assistant", ...
  std::string content;
};

/// Messages as a template sees them: a list of dictionaries.
jinja::Value to_value(std::span<const ChatMessage> messages);

/// The variables that a JSON object holds. @throws Error(invalid_argument) for a text that is none.
jinja::Variables parse_variables(std::string_view json);

struct ChatTemplateOptions {
  bool add_generation_prompt = true;          // end with what opens the assistant's turn
  std::string bos_text = {};                  // the text of the beginning-of-sequence token: `bos_token`
  std::string eos_text = {};                  // the text of the end-of-sequence token: `eos_token`
  std::optional<std::tm> now = std::nullopt;  // what strftime_now() tells; none: the local time
  /// Variables besides these, such as `tools`; parse_variables makes them from JSON. They go before all
  /// others.
  jinja::Variables variables = {};
};

/// A chat template in the subset of Jinja 2 that models' templates use, with trim_blocks and lstrip_blocks,
/// as Hugging Face Transformers renders it. A template is a program that came with a file: it can neither
/// reach anything but the values given to it nor run or grow without bound (see jinja::Budget). Immutable;
/// may be shared by threads.
class ChatTemplate {
 public:
  /// @throws Error(bad_model) with the line where the source is no template, or one that linnet cannot
  /// render.
  explicit ChatTemplate(std::string source);

  /// The conversation as one text, in which the template's own special tokens stand as text.
  /// @throws Error(invalid_argument) with the template's words where it refuses the messages,
  /// Error(bad_model) where it fails or takes too long.
  std::string render(std::span<const ChatMessage> messages, const ChatTemplateOptions& options = {}) const;
  /// The same for messages with more than a role and a text: a list of dictionaries.
  std::string render(const jinja::Value& messages, const ChatTemplateOptions& options = {}) const;

  const std::string& source() const noexcept { return source_; }

 private:
  std::string source_;
  std::shared_ptr<const jinja::Block> block_;
};

}  // namespace linnet

#ifdef LINNET_HEADER_ONLY
#include <linnet/text/chat_template.ipp>
#endif
