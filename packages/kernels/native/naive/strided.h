// The walk over an output with inputs that lie by strides.
#pragma once
#include "../call.h"

namespace splitmask::naive {

// body(i, offsets) for each element i of an output with these dimensions, in order; the offsets are those of the same
// place in each of `Inputs` inputs.
template <int Inputs, class Body>
void overElements(const int64 (&dimensions)[8], const int64* const (&strides)[Inputs], const Body& body) {
  int64 size = 1;
  for (const int64 dimension : dimensions) size *= dimension;
  for (int64 i = 0; i < size; ++i) {
    int64 rest = i, offsets[Inputs] = {};
    for (int axis = 7; axis >= 0; --axis) {
      const int64 position = rest % dimensions[axis];
      for (int input = 0; input < Inputs; ++input) offsets[input] += position * strides[input][axis];
      rest /= dimensions[axis];
    }
    body(i, offsets);
  }
}

}  // namespace splitmask::naive
