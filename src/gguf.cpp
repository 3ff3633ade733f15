// gguf.cpp - compiles the bodies of the gguf layer.
#include <linnet/gguf/directory.ipp>
#include <linnet/gguf/foreign.ipp>
#include <linnet/gguf/metadata.ipp>
#include <linnet/gguf/reader.ipp>
#include <linnet/gguf/value.ipp>
#include <linnet/gguf/writer.ipp>
