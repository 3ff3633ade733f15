// runtime/chat.ipp - the body of chat.hpp.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include <linnet/base/error.hpp>
#include <linnet/runtime/chat.hpp>

namespace linnet {
namespace detail {

/// Stands before each control token that a template itself writes, while it renders: no UTF-8 holds it, so
/// whatever the template does to the messages, they cannot get one.
inline constexpr char own_token = '\xff';

inline bool holds_mark(const jinja::Value& value) {
  if (value.text()) return value.text()->find(own_token) != std::string::npos;
  const auto in = [](const auto& entry) { return holds_mark(entry.first) || holds_mark(entry.second); };
  if (value.dict()) return std::any_of(value.dict()->items.begin(), value.dict()->items.end(), in);
  return value.list() && std::any_of(value.list()->items.begin(), value.list()->items.end(), holds_mark);
}

inline void check_unmarked(const jinja::Value& messages, const jinja::Variables& variables) {
  const auto in = [](const auto& variable) { return holds_mark(variable.second); };
  if (holds_mark(messages) || std::any_of(variables.begin(), variables.end(), in))
    fail(ErrorCode::invalid_argument,
         "expected messages in UTF-8, found a byte FF in one, which UTF-8 never has: decode it first");
}

/// The text with something put before each control token in it, or in its place.
inline std::string change_control(const Tokenizer& tokenizer, std::string_view text,
                                  std::string_view something, bool in_its_place) {
  std::string out;
  std::size_t at = 0;
  for (const auto& [begin, end] : tokenizer.find_control(text)) {
    (out += text.substr(at, begin - at)) += something;
    at = in_its_place ? end : begin;
  }
  return out += text.substr(at);
}

/// The value with a harmless letter for each control token in its texts.
inline jinja::Value without_control(const Tokenizer& tokenizer, const jinja::Value& value) {
  if (value.text()) return change_control(tokenizer, *value.text(), "a", true);
  if (value.list()) {
    jinja::List list;
    list.tuple = value.list()->tuple;
    for (const jinja::Value& item : value.list()->items)
      list.items.push_back(without_control(tokenizer, item));
    return list;
  }
  if (!value.dict()) return value;
  jinja::Dict dict;
  for (const auto& [key, item] : value.dict()->items)
    dict.items.emplace_back(without_control(tokenizer, key), without_control(tokenizer, item));
  return dict;
}

/// The tokens of a text of which only marked control tokens are tokens.
inline std::vector<Token> encode_marked(const Tokenizer& tokenizer, std::string_view marked) {
  std::string text;
  std::vector<std::size_t> places;
  for (const char c : marked) {
    if (c == own_token)
      places.push_back(text.size());
    else
      text += c;
  }
  return tokenizer.encode(text, {.add_special = false, .control_at = std::move(places)});
}

/// The tokens of the messages by a template, as it is or with its control tokens marked.
inline std::vector<Token> encode_rendered(const Tokenizer& tokenizer, std::string_view source,
                                          const jinja::Value& messages, ChatTemplateOptions options,
                                          bool parse_special) {
  const Vocabulary& vocabulary = tokenizer.vocabulary();
  const auto own = [&](std::string_view text) {
    return parse_special ? std::string(text)
                         : change_control(tokenizer, text, std::string_view(&own_token, 1), false);
  };
  if (vocabulary.bos()) options.bos_text = own(vocabulary.text(*vocabulary.bos()));
  if (vocabulary.eos()) options.eos_text = own(vocabulary.text(*vocabulary.eos()));
  const std::string text = ChatTemplate(own(source)).render(messages, options);
  return parse_special ? tokenizer.encode(text, {.add_special = false}) : encode_marked(tokenizer, text);
}

/// Whether all control tokens of the prompt, but for those that the messages hold, stand in the template as
/// they are: none is put together from pieces, such as '<|' + message.role + '|>'.
inline bool spells_its_tokens(const Tokenizer& tokenizer, std::string_view source, jinja::Value messages,
                              ChatTemplateOptions options) {
  if (!options.now) options.now.emplace();  // the same for both
  messages = without_control(tokenizer, messages);
  for (auto& [name, value] : options.variables) value = without_control(tokenizer, value);
  return encode_rendered(tokenizer, source, messages, options, true) ==
         encode_rendered(tokenizer, source, messages, options, false);
}

}  // namespace detail

LINNET_INLINE std::vector<Token> encode_chat(const Model& model, std::span<const ChatMessage> messages,
                                             const ChatTemplateOptions& options, bool parse_special) {
  return encode_chat(model, to_value(messages), options, parse_special);
}

LINNET_INLINE std::vector<Token> encode_chat(const Model& model, const jinja::Value& messages,
                                             const ChatTemplateOptions& options, bool parse_special) {
  const std::string_view source = model.chat_template();
  if (source.empty())
    fail(ErrorCode::unsupported,
         "key \"tokenizer.chat_template\" is missing: this model has no chat template; ",
         "write the whole prompt yourself");
  const Tokenizer& tokenizer = model.tokenizer();
  if (!parse_special) {
    detail::check_unmarked(messages, options.variables);
    if (!detail::spells_its_tokens(tokenizer, source, messages, options))
      fail(ErrorCode::unsupported,
           "this model's chat template puts special tokens together from pieces, so its own cannot be told ",
           "from those that messages hold: leave parse_special on, and refuse messages with special tokens");
  }
  std::vector<Token> tokens = detail::encode_rendered(tokenizer, source, messages, options, parse_special);
  const Vocabulary& vocabulary = tokenizer.vocabulary();
  const bool has_bos = !tokens.empty() && vocabulary.bos() == tokens[0];
  if (vocabulary.adds_bos() && vocabulary.bos() && !has_bos) tokens.insert(tokens.begin(), *vocabulary.bos());
  return tokens;
}

}  // namespace linnet
