// cli/template_arguments.hpp - what run and chat tell a model's chat template, and the tokens that it makes.
// Never holds a dialogue.
#pragma once

#include <span>
#include <string>
#include <vector>

#include <linnet/runtime/chat.hpp>

#include "options.hpp"

namespace linnet::cli {

/// What the words say of the chat template.
struct TemplateArguments {
  std::string system;
  jinja::Variables variables;
  bool no_special = false;

  /// The options of a command that always uses the template, or of one that does so with --chat, added
  /// before.
  void add_to(Command& command, bool only_with_chat);

  /// What every conversation begins with: the system message, if there is one. @throws
  /// Error(invalid_argument) for bytes that are no UTF-8.
  std::vector<ChatMessage> first_messages() const;
  /// The prompt that asks for the next answer. @throws as encode_chat.
  std::vector<Token> encode(const Model& model, std::span<const ChatMessage> messages) const;
};

}  // namespace linnet::cli
