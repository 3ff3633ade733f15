// upward.hpp - an include that points the wrong way, for the test of scripts/check-layers.py.
#include <linnet/model/model.hpp>
