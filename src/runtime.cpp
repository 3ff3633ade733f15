// runtime.cpp - compiles the bodies of the runtime layer.
#include <linnet/runtime/session.ipp>
