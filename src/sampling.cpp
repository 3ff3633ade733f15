// src/sampling.cpp - compiles the bodies of the sampling layer.
#include <linnet/sampling/defaults.ipp>
#include <linnet/sampling/sampler.ipp>
