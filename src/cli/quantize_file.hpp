// cli/quantize_file.hpp - a GGUF file with its weights in other types. Never holds more than a few rows of
// it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include <linnet/gguf/reader.hpp>
#include <linnet/quant/mix.hpp>

namespace linnet::cli {

/// The mix of this name. @throws Error(invalid_argument) listing all.
const quant::Mix& require_mix(std::string_view name);
/// "F32, F16, ...".
std::string mix_names();

/// Writes `input` to `output` with the types of a mix; metadata and small tensors stay, but for
/// general.file_type and general.quantization_version. Appears under its name whole or not at all.
/// @param threads      0: what the machine grants
/// @param on_progress  called with bytes of input that are done; may throw, to cancel
/// @throws Error(unsupported) naming a tensor whose type cannot be read; Error(io).
void quantize_file(const gguf::File& input, const std::filesystem::path& output, const quant::Mix& mix,
                   int threads, const std::function<void(std::int64_t bytes)>& on_progress);

}  // namespace linnet::cli
