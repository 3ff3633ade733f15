// model.cpp - compiles the bodies of the model layer.
#include <linnet/model/adapter.ipp>
#include <linnet/model/embedding.ipp>
#include <linnet/model/engine.ipp>
#include <linnet/model/forward.ipp>
#include <linnet/model/hyperparameters.ipp>
#include <linnet/model/kv_cache.ipp>
#include <linnet/model/memory.ipp>
#include <linnet/model/model.ipp>
#include <linnet/model/packing.ipp>
#include <linnet/model/rope.ipp>
#include <linnet/model/weights.ipp>
