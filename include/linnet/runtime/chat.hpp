// runtime/chat.hpp - messages to the tokens that a model's chat template makes of them. Never generates.
#pragma once

#include <span>
#include <vector>

#include <linnet/base/config.hpp>
#include <linnet/model/model.hpp>
#include <linnet/text/chat_template.hpp>

namespace linnet {

/// The prompt that asks the model for the next answer: its chat template over the messages, as tokens, with
/// BOS where the model wants it and the template has not written it. Special tokens that are written in the
/// messages count as such: who lets strangers write them has to refuse texts that hold any.
/// @throws Error(unsupported) where the model has no chat template; Error(bad_model) where its template is
/// broken.
std::vector<Token> encode_chat(const Model& model, std::span<const ChatMessage> messages,
                               const ChatTemplateOptions& options = {});
/// The same for messages with more than a role and a text: a list of dictionaries.
std::vector<Token> encode_chat(const Model& model, const jinja::Value& messages,
                               const ChatTemplateOptions& options = {});

}  // namespace linnet

#ifdef LINNET_HEADER_ONLY
#include <linnet/runtime/chat.ipp>
#endif
