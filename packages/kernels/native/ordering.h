// The order of values in maxima, argmax and top k.
#pragma once
#include "call.h"

namespace splitmask::SPLITMASK_SET {

// True where a comes before b in falling order; NaN counts as the largest value, as in PyTorch.
template <class T> static inline bool isGreater(T a, T b) { return a > b || (a != a && b == b); }

}  // namespace splitmask::SPLITMASK_SET
