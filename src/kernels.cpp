// kernels.cpp - compiles the bodies of the kernels layer.
#include <linnet/kernels/dispatch.ipp>
#include <linnet/kernels/kv_page.ipp>
