// model/memory.ipp - the body of memory.hpp.
#pragma once

#include <algorithm>
#include <string>

#include <linnet/base/error.hpp>
#include <linnet/model/engine.hpp>
#include <linnet/model/memory.hpp>
#include <linnet/model/model.hpp>

namespace linnet {
namespace detail {

/// Contexts shorter than this are no use: less is not chosen, nor proposed.
inline constexpr std::int64_t least_context = 256;

inline std::string in_mebibytes(std::int64_t bytes) { return concat((bytes + (1 << 20) - 1) >> 20, " MiB"); }

/// Measured: a program without a vocabulary takes 9 to 11 MiB, and the tokenizer's tables 4 to 5 times the
/// bytes of a vocabulary in the file.
inline std::int64_t estimate_program(const Model& model) {
  std::int64_t keys = 0;
  for (const gguf::Metadata::Entry& entry : model.file().metadata())
    keys += static_cast<std::int64_t>(entry.value.raw().size());
  return (12 << 20) + 5 * keys;
}

/// The same engine with a cache of this many tokens.
inline EngineOptions with_context(EngineOptions options, std::int64_t tokens) {
  options.cache.max_batch = std::min(options.cache.max_batch, tokens);
  options.cache.tokens = tokens;
  return options;
}

inline bool fits(const Model& model, const EngineOptions& options) {
  return measure_memory(model, options).total() <= memory_budget(model, options);
}

/// The longest context, at most `most`, that fits; 0 where least_context does not.
inline std::int64_t largest_context(const Model& model, const EngineOptions& options, std::int64_t most) {
  const auto holds = [&](std::int64_t tokens) { return fits(model, with_context(options, tokens)); };
  if (holds(most)) return most;
  constexpr std::int64_t page = KvCache::page_length;
  std::int64_t low = std::min(least_context, most) / page,
               high = most / page;  // low fits, beyond high does not
  if (low < 1 || !holds(low * page)) return 0;
  while (low < high) {
    const std::int64_t middle = (low + high + 1) / 2;
    if (holds(middle * page)) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low * page;
}

/// "; a context of 1024 tokens fits, or ...", or what else helps.
inline std::string propose_what_fits(const Model& model, const EngineOptions& options) {
  std::string text;
  const auto propose = [&](const auto&... parts) { text += concat(text.empty() ? "" : ", or ", parts...); };
  const std::int64_t asked = options.cache.tokens;
  if (const std::int64_t tokens = largest_context(model, options, asked))
    propose("a context of ", tokens, " tokens");
  if (options.cache.type != DType::q8_0) {
    EngineOptions small = options;
    small.cache.type = DType::q8_0;
    const std::int64_t tokens = largest_context(model, small, asked);
    if (tokens > 0) propose("a q8_0 cache of ", tokens, " tokens");
  }
  const MemoryUse use = measure_memory(model, options);
  const std::int64_t panels =
      resolve_thread_count(options.threads) * bytes_of_panel(model.weights(), kernels::active());
  if (use.weights > 0 && use.total() - use.weights + panels <= memory_budget(model, options))
    propose("mmap, which leaves the weights in the file");
  if (text.empty()) return concat("; nothing smaller fits: give it more memory or use a smaller model");
  return "; what fits: " + text;
}

}  // namespace detail

LINNET_INLINE MemoryUse measure_memory(const Model& model, const EngineOptions& options) {
  Scratch scratch;
  const auto scratch_bytes =
      scratch.lay_out(model.spec(), options.cache.max_batch, resolve_thread_count(options.threads),
                      kernels::page_row_length(options.cache.type, model.spec().head_dim),
                      Engine::uses_tiles(model), Engine::panel_bytes(model), nullptr);
  return {.weights = model.weight_bytes(),
          .cache = KvCache::required_bytes(model.spec(), options.cache),
          .scratch = static_cast<std::int64_t>(scratch_bytes),
          .program = detail::estimate_program(model)};
}

LINNET_INLINE std::int64_t memory_budget(const Model& model, const EngineOptions& options) noexcept {
  return options.memory > 0 ? options.memory : model.memory();
}

LINNET_INLINE void check_memory(const Model& model, const EngineOptions& options) {
  if (options.memory < 0)
    fail(ErrorCode::invalid_argument, "memory: expected 0 (no limit) or more bytes, got ", options.memory);
  const std::int64_t budget = memory_budget(model, options);
  if (budget == 0) return;
  const MemoryUse use = measure_memory(model, options);
  if (use.total() <= budget) return;
  using detail::in_mebibytes;
  fail(ErrorCode::out_of_memory, "this needs ", in_mebibytes(use.total()), " of memory and may take ",
       in_mebibytes(budget), ": weights ", in_mebibytes(use.weights), ", cache ", in_mebibytes(use.cache),
       " for ", options.cache.tokens, " tokens in ", to_string(options.cache.type), ", scratch ",
       in_mebibytes(use.scratch), ", program and vocabulary ", in_mebibytes(use.program),
       detail::propose_what_fits(model, options));
}

LINNET_INLINE std::int64_t choose_context(const Model& model, EngineOptions options, std::int64_t asked) {
  if (asked < 0) fail(ErrorCode::invalid_argument, "context: expected 0 (automatic) or more, got ", asked);
  if (asked > 0) return asked;
  constexpr std::int64_t largest_default = 4096;
  const std::int64_t usual = std::min(model.spec().context, largest_default);
  if (memory_budget(model, options) == 0) return usual;
  const std::int64_t largest = detail::largest_context(model, options, usual);
  return largest > 0 ? largest : usual;  // which the engine refuses, and says why
}

}  // namespace linnet
