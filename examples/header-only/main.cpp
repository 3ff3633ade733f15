// header-only - the engine without a library to link: load, tokenize, forward, sample. In this folder:
//
//   g++ -std=c++20 -O3 -march=native -ffp-contract=off -fopenmp -DLINNET_HEADER_ONLY -I ../../include
//       main.cpp -lutf8proc -o header-only
//
// The kernels are compiled for what -march says, and for nothing else: the program runs on machines like
// this one. They work on floats; the compiled library has faster ones for quantized weights. Without -fopenmp
// it runs on one thread. The same file builds against the compiled library, without -DLINNET_HEADER_ONLY.
#include <iostream>
#include <vector>

#include <linnet/linnet.hpp>

int main(int argc, char** argv) try {
  if (argc != 3) linnet::fail(linnet::ErrorCode::invalid_argument, "usage: header-only MODEL.gguf TEXT");
  const auto model = linnet::Model::load(argv[1]);
  linnet::Engine engine(model, {.cache = {.tokens = 1024}});
  linnet::Sampler sampler({.temperature = 0.0f}, model->spec().vocabulary);
  linnet::StreamDetokenizer text(model->tokenizer(), {.continues = true});

  std::vector<linnet::Token> tokens = model->tokenizer().encode(argv[2], {.goes_on = true});
  std::vector<float> logits(model->spec().vocabulary);
  const linnet::SequenceId sequence = engine.create();
  for (int step = 0; step < 32; ++step) {
    const linnet::BatchEntry entry{.sequence = sequence,
                                   .tokens = tokens};  // first the prompt, then one by one
    engine.forward({&entry, 1}, logits);
    sampler.accept(tokens);  // penalties look at what was said
    tokens.assign(1, sampler.sample(logits));
    std::cout << text.push(tokens[0]) << std::flush;
  }
  std::cout << text.finish() << '\n';
} catch (const linnet::Error& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
