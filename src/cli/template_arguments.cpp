// cli/template_arguments.cpp - the bodies of template_arguments.hpp.
#include "template_arguments.hpp"

#include <linnet/base/error.hpp>

#include "arguments.hpp"

namespace linnet::cli {
namespace {

jinja::Variables read_variables(const std::string& text) {
  constexpr std::string_view option = "--chat-template-kwargs";
  require_utf8(text, option);
  try {
    return parse_variables(text);
  } catch (const Error& error) {
    fail(ErrorCode::invalid_argument, option, ": ", error.what());
  }
}

}  // namespace

void TemplateArguments::add_to(Command& command, bool only_with_chat) {
  const std::string when = only_with_chat ? "With --chat: " : "";
  Option system_option =
      command.add_option("--system", system, when + "The system message").value_name("TEXT");
  Option variables_option =
      command
          .add_option(
              "--chat-template-kwargs", [this](const std::string& text) { variables = read_variables(text); },
              when +
                  R"(What the chat template asks for besides messages, such as {"enable_thinking": false})")
          .value_name("JSON");
  if (only_with_chat) {
    system_option.needs("--chat");
    variables_option.needs("--chat");
  }
  command.add_flag("--no-special", no_special,
                   "Special tokens written in what is said (or the system message) are plain text");
}

std::vector<ChatMessage> TemplateArguments::first_messages() const {
  if (system.empty()) return {};
  require_utf8(system, "the text of --system");
  return {{.role = "system", .content = system}};
}

std::vector<Token> TemplateArguments::encode(const Model& model,
                                             std::span<const ChatMessage> messages) const {
  ChatTemplateOptions options;
  options.variables = variables;
  return encode_chat(model, messages, options, !no_special);
}

}  // namespace linnet::cli
