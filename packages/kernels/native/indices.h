// What an index buffer may hold, and the check before a kernel uses it.
#pragma once
#include "call.h"

namespace splitmask::SPLITMASK_SET {

// Among whole numbers what NaN is among fractions: the argmax of a row with a NaN. Figures made of it are NaN.
constexpr int noIndex = -1;

// True if all `count` indices lie in [0, bound), or are noIndex where that is allowed; else reports the first that does
// not.
static inline bool indicesAreInside(const Call& call, const int* indices, int64 count, int64 bound,
                                    bool allowNone = false) {
  for (int64 i = 0; i < count; ++i)
    if ((indices[i] < 0 || indices[i] >= bound) && !(allowNone && indices[i] == noIndex)) {
      call.fail(
          call,
          indices[i] == noIndex
              ? "index {given} is out of range: it must be at least 0 and less than {expected} (-1 is what argmax "
                "gives for a row with a NaN)"
              : "index {given} is out of range: it must be at least 0 and less than {expected}",
          indices[i], static_cast<double>(bound));
      return false;
    }
  return true;
}

}  // namespace splitmask::SPLITMASK_SET
