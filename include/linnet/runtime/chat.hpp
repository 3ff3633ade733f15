// runtime/chat.hpp - messages to the tokens that a model's chat template makes of them. Never generates.
#pragma once

#include <span>
#include <vector>

#include <linnet/base/config.hpp>
#include <linnet/model/model.hpp>
#include <linnet/text/chat_template.hpp>

namespace linnet {

/// The prompt that asks the model for the next answer: its chat template over the messages, as tokens, with
/// BOS where the model wants it and the template has not written it.
///
/// Control tokens that are written in the messages or variables count as such, unless parse_special is false:
/// then they are text, and only those that the template spells out are tokens, so that nobody's words can end
/// a turn or begin another. User-defined tokens (such as Qwen 3's <think>) stay tokens, so a file that marks
/// its turns with such gives no protection. What a template puts together from pieces ('<|' + message.role +
/// '|>') could be anybody's: it is refused then.
/// @throws Error(unsupported) where the model has no chat template, or, without parse_special,
/// one that puts control tokens together;
/// Error(bad_model) where its template is broken; Error(invalid_argument) where it refuses the messages, and,
/// without parse_special, for texts with a byte FF, which no UTF-8 has.
std::vector<Token> encode_chat(const Model& model, std::span<const ChatMessage> messages,
                               const ChatTemplateOptions& options = {}, bool parse_special = true);
/// The same for messages with more than a role and a text: a list of dictionaries.
std::vector<Token> encode_chat(const Model& model, const jinja::Value& messages,
                               const ChatTemplateOptions& options = {}, bool parse_special = true);

}  // namespace linnet

#ifdef LINNET_HEADER_ONLY
#include <linnet/runtime/chat.ipp>
#endif
