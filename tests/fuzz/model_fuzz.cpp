// model_fuzz.cpp - libFuzzer target: any bytes as a model: its hyperparameters, tensors and vocabulary, and a
// short text through its tokenizer. Never computes with the weights.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>

#include <linnet/model/model.hpp>

namespace {

void use_tokenizer(const linnet::Tokenizer& tokenizer) {
  const std::string_view text = " Hello, w\xc3\xb6rld 123\n<s>\xff\xe2\x96\x81";
  try {
    const auto tokens = tokenizer.encode(text);
    for (const linnet::Token token : tokens)
      if (token < 0 || token >= tokenizer.vocabulary().size()) std::abort();
    tokenizer.decode(tokens, {.special = true});
  } catch (const linnet::Error& error) {
    if (error.code() != linnet::ErrorCode::bad_model) std::abort();  // a byte without a token
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto model =
        linnet::Model::load(linnet::gguf::File::parse(std::as_bytes(std::span(data, size))), {.threads = 1});
    model->main_type();
    model->chat_template();
    if (model->has_tokenizer()) use_tokenizer(model->tokenizer());
  } catch (const linnet::Error&) {
    // A typed error is a right answer; anything else reaches libFuzzer.
  }
  return 0;
}
