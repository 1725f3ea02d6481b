// The check of an index buffer before a kernel uses it.
#pragma once
#include "call.h"

namespace splitmask::SPLITMASK_SET {

// True if all `count` indices lie in [0, bound); else reports the first that does not.
static inline bool indicesAreInside(const Call& call, const int* indices, int64 count, int64 bound) {
  for (int64 i = 0; i < count; ++i)
    if (indices[i] < 0 || indices[i] >= bound) {
      call.fail(call, "index {given} is out of range: it must be at least 0 and less than {expected}", indices[i],
                static_cast<double>(bound));
      return false;
    }
  return true;
}

}  // namespace splitmask::SPLITMASK_SET
