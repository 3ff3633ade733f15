// quant/avx2.cpp - compiles the quantizers, their searches and their inverses a second time, for processors
// with AVX2.
#include <linnet/quant/row_functions.hpp>
#include <linnet/quant/searches.hpp>

namespace linnet::quant::detail {
namespace {
struct Avx2 {};
}  // namespace

extern const Searches avx2_searches;
const Searches avx2_searches = SearchFunctions<Avx2>::all;

extern const RowFunctions avx2_rows;
const RowFunctions avx2_rows = RowFunctionsOf<Avx2>::all;

}  // namespace linnet::quant::detail
