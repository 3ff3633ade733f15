// base.cpp - compiles the bodies of the base layer.
#include <linnet/base/buffer.ipp>
#include <linnet/base/cpu.ipp>
#include <linnet/base/mapped_file.ipp>
#include <linnet/base/output_file.ipp>
#include <linnet/base/threads.ipp>
