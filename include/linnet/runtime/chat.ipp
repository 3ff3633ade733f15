// runtime/chat.ipp - the body of chat.hpp.
#pragma once

#include <string>

#include <linnet/base/error.hpp>
#include <linnet/runtime/chat.hpp>

namespace linnet {

LINNET_INLINE std::vector<Token> encode_chat(const Model& model, std::span<const ChatMessage> messages,
                                             const ChatTemplateOptions& options) {
  return encode_chat(model, to_value(messages), options);
}

LINNET_INLINE std::vector<Token> encode_chat(const Model& model, const jinja::Value& messages,
                                             const ChatTemplateOptions& options) {
  const std::string source(model.chat_template());
  if (source.empty())
    fail(ErrorCode::unsupported,
         "key \"tokenizer.chat_template\" is missing: this model has no chat template; ",
         "write the whole prompt yourself");
  const Tokenizer& tokenizer = model.tokenizer();
  const Vocabulary& vocabulary = tokenizer.vocabulary();
  ChatTemplateOptions values = options;
  if (vocabulary.bos()) values.bos_text = vocabulary.text(*vocabulary.bos());
  if (vocabulary.eos()) values.eos_text = vocabulary.text(*vocabulary.eos());
  const std::string text = ChatTemplate(source).render(messages, values);
  std::vector<Token> tokens = tokenizer.encode(text, {.add_special = false});
  const bool has_bos = !tokens.empty() && vocabulary.bos() == tokens[0];
  if (vocabulary.adds_bos() && vocabulary.bos() && !has_bos) tokens.insert(tokens.begin(), *vocabulary.bos());
  return tokens;
}

}  // namespace linnet
