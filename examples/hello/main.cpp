// hello - a model continues a text. Usage: hello MODEL.gguf TEXT
#include <iostream>
#include <linnet/linnet.hpp>

int main(int argc, char** argv) try {
  if (argc != 3) linnet::fail(linnet::ErrorCode::invalid_argument, "usage: hello MODEL.gguf TEXT");
  const auto model = linnet::Model::load(argv[1]);    // immutable, share it between threads
  linnet::Session session(model, {.context = 4096});  // one conversation: KV cache and scratch
  for (std::string_view piece : session.generate(argv[2], {.max_tokens = 256, .temperature = 0.7f}))
    std::cout << piece << std::flush;  // whole UTF-8 characters only
  std::cout << '\n';
} catch (const linnet::Error& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
