// How the naive products round their factors.
#pragma once
#include <cstdint>
#include <cstring>

#include "../generated/codes.h"

namespace splitmask::naive {

// The nearest bfloat16, ties to even; below the smallest normal number zero; NaN stays NaN. A float64 is rounded to
// float32 first.
inline float roundToBfloat16(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  if (value != value) return value;
  bits = (bits & 0x7f800000u) == 0 ? bits & 0x80000000u : (bits + 0x7fffu + (bits >> 16 & 1)) & 0xffff0000u;
  std::memcpy(&value, &bits, 4);
  return value;
}

// An element, rounded to the precision in which it is multiplied.
template <class T> inline T roundedTo(ProductPrecision precision, T value) {
  return precision == ProductPrecision::bfloat16 ? T(roundToBfloat16(static_cast<float>(value))) : value;
}

}  // namespace splitmask::naive
