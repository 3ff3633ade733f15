// linnet.hpp - everything a user of the library needs. Never more than includes.
#pragma once

#include <linnet/base/error.hpp>
#include <linnet/gguf/reader.hpp>
#include <linnet/kernels/dispatch.hpp>
#include <linnet/model/adapter.hpp>
#include <linnet/model/embedding.hpp>
#include <linnet/model/engine.hpp>
#include <linnet/model/memory.hpp>
#include <linnet/model/model.hpp>
#include <linnet/runtime/chat.hpp>
#include <linnet/runtime/embedder.hpp>
#include <linnet/runtime/session.hpp>
#include <linnet/sampling/defaults.hpp>
#include <linnet/sampling/sampler.hpp>
#include <linnet/text/stream_detokenizer.hpp>
#include <linnet/text/tokenizer.hpp>
