// model/memory.hpp - what a model and an engine over it take, summed before it is taken. Never allocates.
#pragma once

#include <cstdint>

#include <linnet/base/config.hpp>

namespace linnet {

class Model;
struct EngineOptions;  // model/engine.hpp, whose body includes this file

/// Bytes that an engine works in.
struct MemoryUse {
  std::int64_t weights = 0;  // 0 where they stay in the file (LoadOptions::mmap, float32)
  std::int64_t cache = 0;
  std::int64_t scratch = 0;
  std::int64_t program = 0;  // code, file directory and tokenizer: an estimate, on the safe side

  std::int64_t total() const noexcept { return weights + cache + scratch + program; }
};

/// What Engine(model, options) takes: exactly what it then asks the system for, and what the model and
/// the program have taken already.
/// @throws Error(invalid_argument) for options that an engine refuses.
MemoryUse measure_memory(const Model& model, const EngineOptions& options);

/// The bytes that an engine with these options must keep within; 0: no limit.
std::int64_t memory_budget(const Model& model, const EngineOptions& options) noexcept;

/// @throws Error(out_of_memory) where the budget is too small, in one line: what is needed for what, and what
/// would fit.
void check_memory(const Model& model, const EngineOptions& options);

/// Tokens of a context: `asked` where it is not 0, else what the model was trained for, at most 4096, or less
/// where the budget holds no more. @param options  of the engine; its cache.tokens is not looked at
/// @throws Error(invalid_argument) for a negative number.
std::int64_t choose_context(const Model& model, EngineOptions options, std::int64_t asked);

}  // namespace linnet

#ifdef LINNET_HEADER_ONLY
#include <linnet/model/memory.ipp>
#endif
