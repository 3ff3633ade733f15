// sampling/defaults.hpp - the sampling options that a model's file recommends. Never reads a file.
#pragma once

#include <linnet/base/config.hpp>
#include <linnet/gguf/metadata.hpp>
#include <linnet/sampling/options.hpp>

namespace linnet {

/// `defaults` with what the file's keys `general.sampling.*` say put over them: top_k, top_p, min_p, temp,
/// penalty_last_n, penalty_repeat, xtc_probability, xtc_threshold, mirostat, mirostat_tau, mirostat_eta,
/// sequence. A negative top_k is 0, which turns it off; version 1 of Mirostat is taken for version 2, which
/// has the same parameters; samplers of the sequence that linnet does not have are left out. Ranges are not
/// checked, since what is out of range may be replaced: see check_recommendations().
/// @throws Error(bad_model) for a value of the wrong type.
SamplingOptions sampling_defaults(const gguf::Metadata& metadata, SamplingOptions defaults = {});

/// To be called once the user's choices are put over sampling_defaults(): what is wrong with the file is then
/// said of the file. A Sampler refuses the same values, as if the user had given them.
/// @throws Error(bad_model) that names the key, for a recommendation out of range that `options` still hold.
void check_recommendations(const gguf::Metadata& metadata, const SamplingOptions& options);

}  // namespace linnet

#ifdef LINNET_HEADER_ONLY
#include <linnet/sampling/defaults.ipp>
#endif
