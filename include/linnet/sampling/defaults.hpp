// sampling/defaults.hpp - the sampling options that a model's file recommends. Never reads a file.
#pragma once

#include <linnet/base/config.hpp>
#include <linnet/gguf/metadata.hpp>
#include <linnet/sampling/options.hpp>

namespace linnet {

/// `defaults` with what the file's keys `general.sampling.*` say put over them: top_k, top_p, min_p, temp,
/// penalty_last_n, penalty_repeat, xtc_probability, xtc_threshold, mirostat, mirostat_tau, mirostat_eta,
/// sequence. Version 1 of Mirostat is taken for version 2, which has the same parameters; samplers of the
/// sequence that linnet does not have are left out.
/// @throws Error(bad_model) for a value of the wrong type or out of range.
SamplingOptions sampling_defaults(const gguf::Metadata& metadata, SamplingOptions defaults = {});

}  // namespace linnet

#ifdef LINNET_HEADER_ONLY
#include <linnet/sampling/defaults.ipp>
#endif
