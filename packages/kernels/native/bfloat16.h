// bfloat16 in memory: the upper half of a float.
#pragma once

namespace splitmask {

struct Bfloat16 {
  unsigned short bits;
};

}  // namespace splitmask
