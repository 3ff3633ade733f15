// text/chat_template.ipp - the body of chat_template.hpp, and with it that of the template engine.
#pragma once

#include <utility>

#include <linnet/base/error.hpp>
#include <linnet/base/printable.hpp>
#include <linnet/text/chat_template.hpp>
#include <linnet/text/jinja/filters.ipp>
#include <linnet/text/jinja/functions.ipp>
#include <linnet/text/jinja/interpreter.ipp>
#include <linnet/text/jinja/json.ipp>
#include <linnet/text/jinja/lexer.ipp>
#include <linnet/text/jinja/methods.ipp>
#include <linnet/text/jinja/operations.ipp>
#include <linnet/text/jinja/parser.ipp>
#include <linnet/text/jinja/print.ipp>
#include <linnet/text/jinja/tests.ipp>
#include <linnet/text/jinja/unicode_text.ipp>

namespace linnet {

LINNET_INLINE jinja::Value to_value(std::span<const ChatMessage> messages) {
  jinja::List list;
  for (const ChatMessage& message : messages)
    list.items.emplace_back(jinja::Dict{{{"role", message.role}, {"content", message.content}}});
  return list;
}

LINNET_INLINE jinja::Variables parse_variables(std::string_view json) {
  const jinja::Value value = jinja::parse_json(json);
  if (!value.dict())
    fail(ErrorCode::invalid_argument, R"(expected a JSON object, such as {"enable_thinking": false}, got )",
         in_quotes(json));
  jinja::Variables variables;
  for (const auto& [name, item] : value.dict()->items) variables.emplace(*name.text(), item);
  return variables;
}

LINNET_INLINE ChatTemplate::ChatTemplate(std::string source)
    : source_(std::move(source)),
      block_(std::make_shared<const jinja::Block>(jinja::parse_template(source_))) {}

LINNET_INLINE std::string ChatTemplate::render(std::span<const ChatMessage> messages,
                                               const ChatTemplateOptions& options) const {
  return render(to_value(messages), options);
}

LINNET_INLINE std::string ChatTemplate::render(const jinja::Value& messages,
                                               const ChatTemplateOptions& options) const {
  jinja::Variables variables = options.variables;
  variables.try_emplace("messages", messages);
  variables.try_emplace("add_generation_prompt", options.add_generation_prompt);
  variables.try_emplace("bos_token", options.bos_text);
  variables.try_emplace("eos_token", options.eos_text);
  return jinja::Interpreter(variables, options.now).render(*block_);
}

}  // namespace linnet
