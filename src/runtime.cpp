// runtime.cpp - compiles the bodies of the runtime layer.
#include <linnet/runtime/chat.ipp>
#include <linnet/runtime/embedder.ipp>
#include <linnet/runtime/session.ipp>
#include <linnet/runtime/session_file.ipp>
