// laboratory.cpp - compiles the bodies of the laboratory layer.
#include <linnet/laboratory/attention_experiment.ipp>
#include <linnet/laboratory/bench.ipp>
#include <linnet/laboratory/check.ipp>
#include <linnet/laboratory/disturbance.ipp>
#include <linnet/laboratory/experiment.ipp>
#include <linnet/laboratory/machine.ipp>
#include <linnet/laboratory/matrix_kernel.ipp>
#include <linnet/laboratory/own_kernel.ipp>
#include <linnet/laboratory/product.ipp>
#include <linnet/laboratory/vector_experiment.ipp>
