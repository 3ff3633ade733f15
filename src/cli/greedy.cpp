// cli/greedy.cpp - the bodies of greedy.hpp.
#include "greedy.hpp"

#include <algorithm>

namespace linnet::cli {
namespace {

/// A prompt that is being continued.
struct Slot {
  std::size_t prompt;
  SequenceId sequence;
  std::vector<Token> pending;  // tokens that the engine has not seen
};

}  // namespace

std::vector<std::vector<Token>> generate_greedily(Engine& engine, std::span<const std::vector<Token>> prompts,
                                                  std::int64_t max_tokens, std::size_t side_by_side,
                                                  const std::function<void()>& on_done) {
  const Vocabulary& vocabulary = engine.model().tokenizer().vocabulary();
  const auto width = static_cast<std::size_t>(engine.model().spec().vocabulary);
  std::vector<std::vector<Token>> results(prompts.size());
  std::vector<Slot> slots;
  std::vector<float> logits;
  for (std::size_t next = 0; next < prompts.size() || !slots.empty();) {
    while (next < prompts.size() && slots.size() < side_by_side) {
      slots.push_back({next, engine.create(), prompts[next]});
      ++next;
    }
    std::vector<BatchEntry> batch;
    for (const Slot& slot : slots) batch.push_back({slot.sequence, slot.pending, LogitRows::last});
    logits.resize(slots.size() * width);
    engine.forward(batch, logits);
    for (std::size_t i = 0; i < slots.size(); ++i) {
      const auto row = std::span(logits).subspan(i * width, width);
      const auto token = static_cast<Token>(std::max_element(row.begin(), row.end()) - row.begin());
      std::vector<Token>& result = results[slots[i].prompt];
      slots[i].pending.clear();
      if (vocabulary.is_end_of_generation(token)) continue;
      result.push_back(token);
      if (static_cast<std::int64_t>(result.size()) < max_tokens) slots[i].pending = {token};
    }
    std::erase_if(slots, [&](const Slot& slot) {
      if (!slot.pending.empty()) return false;
      engine.remove(slot.sequence);
      on_done();
      return true;
    });
  }
  return results;
}

}  // namespace linnet::cli
