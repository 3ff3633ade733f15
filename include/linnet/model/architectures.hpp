// model/architectures.hpp - the list of architectures. A new one is its header and its line here.
#pragma once

#include <string>
#include <string_view>

#include <linnet/base/error.hpp>
#include <linnet/base/printable.hpp>
#include <linnet/model/arch/gemma.hpp>
#include <linnet/model/arch/gemma2.hpp>
#include <linnet/model/arch/gemma3.hpp>
#include <linnet/model/arch/llama.hpp>
#include <linnet/model/arch/openelm.hpp>
#include <linnet/model/arch/phi2.hpp>
#include <linnet/model/arch/phi3.hpp>
#include <linnet/model/arch/phimoe.hpp>
#include <linnet/model/arch/qwen2.hpp>
#include <linnet/model/arch/qwen3.hpp>
#include <linnet/model/arch/smollm3.hpp>

namespace linnet {

struct Architecture {
  std::string_view name;  // the value of general.architecture
  Spec (*read)(const Hyperparameters&);
};

inline constexpr Architecture architectures[] = {
    {"llama", arch::llama}, {"phi2", arch::phi2},       {"phi3", arch::phi3},       {"phimoe", arch::phimoe},
    {"gemma", arch::gemma}, {"gemma2", arch::gemma2},   {"gemma3", arch::gemma3},   {"qwen2", arch::qwen2},
    {"qwen3", arch::qwen3}, {"smollm3", arch::smollm3}, {"openelm", arch::openelm},
};

/// What the file's architecture is. @throws Error(unsupported) naming it and those that linnet knows;
/// Error(bad_model) naming the key or tensor that is missing or out of range.
inline Spec read_spec(const gguf::File& file) {
  const Hyperparameters in(file);
  std::string names;
  for (const Architecture& architecture : architectures) {
    if (architecture.name == in.architecture()) return architecture.read(in);
    names += concat(names.empty() ? "" : ", ", architecture.name);
  }
  fail(ErrorCode::unsupported, "key \"general.architecture\": ", in_quotes(in.architecture()),
       " is not supported; linnet runs ", names);
}

}  // namespace linnet
