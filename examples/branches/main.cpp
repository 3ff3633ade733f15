// branches - one beginning, four continuations, computed together. Usage: branches MODEL.gguf TEXT
#include <iostream>
#include <string>
#include <vector>

#include <linnet/linnet.hpp>

/// One way in which the text goes on.
struct Branch {
  linnet::SequenceId sequence;
  linnet::Sampler sampler;
  std::vector<linnet::Token> tokens;
};

int main(int argc, char** argv) try {
  if (argc != 3) linnet::fail(linnet::ErrorCode::invalid_argument, "usage: branches MODEL.gguf TEXT");
  const auto model = linnet::Model::load(argv[1]);
  const std::int64_t vocabulary = model->spec().vocabulary;
  constexpr int branch_count = 4, steps = 24;
  linnet::Engine engine(model, {.cache = {.tokens = 2048, .max_sequences = branch_count}});

  // The beginning is computed once. The branches share its pages of keys and values, and copy one only to
  // write to it.
  const std::vector<linnet::Token> prompt = model->tokenizer().encode(argv[2], {.goes_on = true});
  const linnet::SequenceId trunk = engine.create();
  std::vector<float> logits(branch_count * vocabulary);
  const linnet::BatchEntry beginning{.sequence = trunk, .tokens = prompt};
  engine.forward({&beginning, 1}, {logits.data(), static_cast<std::size_t>(vocabulary)});

  std::vector<Branch> branches;
  for (std::uint64_t seed = 1; seed <= branch_count; ++seed) {
    linnet::Sampler sampler({.temperature = 1.0f, .seed = seed}, vocabulary);
    sampler.accept(prompt);  // penalties look at what was said
    const linnet::Token first = sampler.sample({logits.data(), static_cast<std::size_t>(vocabulary)});
    sampler.accept(first);
    branches.push_back({seed == branch_count ? trunk : engine.fork(trunk), std::move(sampler), {first}});
  }

  // Every step reads the weights once for all branches: with a large model, four cost little more than one.
  for (int step = 1; step < steps; ++step) {
    std::vector<linnet::BatchEntry> batch;
    for (const Branch& branch : branches) batch.push_back({branch.sequence, {&branch.tokens.back(), 1}});
    engine.forward(batch, logits);
    for (std::size_t b = 0; b < branches.size(); ++b) {
      const std::span<const float> row(logits.data() + b * static_cast<std::size_t>(vocabulary), vocabulary);
      const linnet::Token next = branches[b].sampler.sample(row);
      branches[b].sampler.accept(next);
      branches[b].tokens.push_back(next);
    }
  }
  for (const Branch& branch : branches)
    std::cout << "- " << argv[2] << model->tokenizer().decode(branch.tokens, {.continues = true}) << '\n';
} catch (const linnet::Error& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
