// kernels.cpp - compiles the bodies of the kernels layer.
#include <linnet/kernels/dispatch.ipp>
