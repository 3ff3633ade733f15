// quant/avx2.cpp - compiles the searches of the quantizers a second time, for processors with AVX2.
#include <linnet/quant/searches.hpp>

namespace linnet::quant::detail {
namespace {
struct Avx2 {};
}  // namespace

extern const Searches avx2_searches;
const Searches avx2_searches = SearchFunctions<Avx2>::all;

}  // namespace linnet::quant::detail
