// Axes of a strided walk: neighbors that can be walked as one are merged, so that most tensors become one or two long
// axes.
#pragma once
#include "../call.h"

namespace splitmask::SPLITMASK_SET {

constexpr int largestRank = 8;

// The walk over an output in order, and `Inputs` inputs by strides (0 where broadcast).
template <int Inputs> struct Axes {
  int rank = 0;
  int64 size = 1;  // of the output, in elements
  int64 dimension[largestRank];
  int64 stride[Inputs][largestRank];

  // sizes of the output, and the strides of each input.
  Axes(const int64 (&sizes)[largestRank], const int64* const (&strides)[Inputs]) {
    for (int axis = 0; axis < largestRank; ++axis) {
      const int64 length = sizes[axis];
      size *= length;
      if (length == 1) continue;
      bool merges = rank > 0;
      for (int input = 0; input < Inputs; ++input)
        merges = merges && stride[input][rank - 1] == strides[input][axis] * length;
      if (!merges) ++rank;
      dimension[rank - 1] = merges ? dimension[rank - 1] * length : length;
      for (int input = 0; input < Inputs; ++input) stride[input][rank - 1] = strides[input][axis];
    }
    if (rank > 0) return;
    rank = 1;
    dimension[0] = 1;
    for (int input = 0; input < Inputs; ++input) stride[input][0] = 1;
  }

  int64 inner() const { return dimension[rank - 1]; }
  int64 innerStride(int input) const { return stride[input][rank - 1]; }

  // The rows of the walk (all axes but the last) in order: where each starts in the inputs.
  struct Rows {
    const Axes& axes;
    int64 place[largestRank];
    int64 offset[Inputs];

    Rows(const Axes& walked, int64 row) : axes(walked) {
      for (int input = 0; input < Inputs; ++input) offset[input] = 0;
      for (int axis = axes.rank - 2; axis >= 0; --axis) {
        place[axis] = row % axes.dimension[axis];
        row /= axes.dimension[axis];
        for (int input = 0; input < Inputs; ++input) offset[input] += place[axis] * axes.stride[input][axis];
      }
    }

    void next() {
      for (int axis = axes.rank - 2; axis >= 0; --axis) {
        for (int input = 0; input < Inputs; ++input) offset[input] += axes.stride[input][axis];
        if (++place[axis] < axes.dimension[axis]) return;
        for (int input = 0; input < Inputs; ++input) offset[input] -= axes.stride[input][axis] * axes.dimension[axis];
        place[axis] = 0;
      }
    }
  };
};

}  // namespace splitmask::SPLITMASK_SET
