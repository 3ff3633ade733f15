// quant.cpp - compiles the bodies of the quant layer.
#include <linnet/quant/convert.ipp>
#include <linnet/quant/fit.ipp>
