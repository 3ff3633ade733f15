// logits - what a model expects after a text: the five likeliest tokens. Usage: logits MODEL.gguf TEXT
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <numeric>
#include <vector>

#include <linnet/linnet.hpp>

int main(int argc, char** argv) try {
  if (argc != 3) linnet::fail(linnet::ErrorCode::invalid_argument, "usage: logits MODEL.gguf TEXT");
  const auto model = linnet::Model::load(argv[1]);
  const linnet::Tokenizer& tokenizer = model->tokenizer();

  linnet::Session session(model);
  session.append(tokenizer.encode(argv[2], {.goes_on = true}));  // computes the whole text in one pass
  const std::span<const float> logits = session.logits();        // [vocabulary], after its last token

  std::vector<linnet::Token> best(logits.size());
  std::iota(best.begin(), best.end(), 0);
  std::partial_sort(best.begin(), best.begin() + 5, best.end(),
                    [&](auto a, auto b) { return logits[a] > logits[b]; });

  // Softmax, with the largest logit taken off first so that no exponential overflows.
  double total = 0;
  for (float logit : logits) total += std::exp(logit - logits[best[0]]);
  for (int i = 0; i < 5; ++i)
    std::printf("%6.2f %%  \"%s\"\n", 100 * std::exp(logits[best[i]] - logits[best[0]]) / total,
                tokenizer.piece(best[i]).c_str());
} catch (const linnet::Error& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
