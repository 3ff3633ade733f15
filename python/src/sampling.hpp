// sampling.hpp - keyword arguments to SamplingOptions. Never samples.
#pragma once

#include <pybind11/pybind11.h>

#include <linnet/sampling/options.hpp>

namespace linnet::python {

/// `options` with what the dictionary says put over them; None leaves an option as it is.
/// @throws Error(invalid_argument) for a name that is none (with the nearest that is one), or a value of the
/// wrong type; the ranges are checked by the Sampler.
SamplingOptions read_sampling(const pybind11::dict& settings, SamplingOptions options);

}  // namespace linnet::python
