// chat - a conversation by the model's own chat template: a line in, an answer out.
// Usage: chat MODEL.gguf < QUESTIONS
#include <iostream>
#include <string>
#include <vector>

#include <linnet/linnet.hpp>

int main(int argc, char** argv) try {
  if (argc != 2) linnet::fail(linnet::ErrorCode::invalid_argument, "usage: chat MODEL.gguf");
  const auto model = linnet::Model::load(argv[1]);
  std::vector<linnet::ChatMessage> messages;

  for (std::string line; std::getline(std::cin, line);) {
    messages.push_back({.role = "user", .content = line});
    // The template writes the whole conversation anew. It is computed anew, too; a program for long talks
    // would keep one session and truncate() it to the tokens that both texts begin with.
    linnet::Session session(model);
    std::string answer;
    for (std::string_view piece :
         session.generate(linnet::encode_chat(*model, messages), {.temperature = 0.0f})) {
      std::cout << piece << std::flush;
      answer += piece;
    }
    std::cout << '\n';
    messages.push_back({.role = "assistant", .content = answer});
  }
} catch (const linnet::Error& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
