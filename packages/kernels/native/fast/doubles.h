// A vector of floats as doubles, in two halves.
#pragma once
#include "../vector.h"

namespace splitmask::SPLITMASK_SET {

typedef float HalfVector __attribute__((vector_size(lanes * 2)));
typedef double DoubleVector __attribute__((vector_size(lanes * 4)));

struct Doubles {
  DoubleVector low, high;
};

SPLITMASK_INLINE Doubles toDoubles(Vector value) {
  HalfVector halves[2];
  __builtin_memcpy(halves, &value, sizeof value);
  return {__builtin_convertvector(halves[0], DoubleVector), __builtin_convertvector(halves[1], DoubleVector)};
}

SPLITMASK_INLINE Vector toFloats(Doubles value) {
  const HalfVector halves[2] = {__builtin_convertvector(value.low, HalfVector),
                                __builtin_convertvector(value.high, HalfVector)};
  Vector floats;
  __builtin_memcpy(&floats, halves, sizeof floats);
  return floats;
}

}  // namespace splitmask::SPLITMASK_SET
