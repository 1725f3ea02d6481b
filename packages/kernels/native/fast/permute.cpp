// Permutation of axes: runs where the innermost axis stays innermost, else square tiles, so that both sides use whole cache lines.
#include "axes.h"
#include "loops.h"

namespace splitmask::SPLITMASK_SET {

namespace {

constexpr int64 tile = 16;

// The innermost output axis is contiguous in the input too: runs of `inner` elements.
void copyRuns(const Call& call, const Axes<1>& axes, float* output, const float* input) {
  const int64 inner = axes.inner();
  if (axes.rank == 1)
    return overRanges(call, inner, [&](int64 begin, int64 end) {
      overVectors(begin, end, [&](int64 i, auto part) { part.write(output + i, part.read(input + i)); });
    });
  overRowGroups(call, axes.size / inner, inner, [&](int64 begin, int64 end) {
    Axes<1>::Rows place(axes, begin);
    for (int64 r = begin; r < end; ++r, place.next()) {
      float* to = output + r * inner;
      const float* from = input + place.offset[0];
      overVectors(0, inner, [&](int64 i, auto part) { part.write(to + i, part.read(from + i)); });
    }
  });
}

// Axis `column` is contiguous in the input, the last axis in the output: transposes tiles of the two for each place of the other axes.
void transposeTiles(const Call& call, const Axes<1>& axes, int column, float* output, const float* input) {
  const int last = axes.rank - 1;
  const int64 height = axes.dimension[column], width = axes.dimension[last], step = axes.stride[0][last];
  int64 outputStride[largestRank];
  outputStride[last] = 1;
  for (int axis = last - 1; axis >= 0; --axis) outputStride[axis] = outputStride[axis + 1] * axes.dimension[axis + 1];
  const int64 down = outputStride[column];
  const int64 bands = (height + tile - 1) / tile;
  const int64 planes = axes.size / (height * width);
  overRows(call, planes * bands, minimum(tile, height) * width, [&](int64 item) {
    int64 plane = item / bands, to = 0, from = 0;
    for (int axis = last - 1; axis >= 0; --axis) {
      if (axis == column) continue;
      const int64 place = plane % axes.dimension[axis];
      plane /= axes.dimension[axis];
      to += place * outputStride[axis];
      from += place * axes.stride[0][axis];
    }
    const int64 top = (item % bands) * tile, bottom = minimum(height, top + tile);
    for (int64 left = 0; left < width; left += tile) {
      const int64 right = minimum(width, left + tile);
      for (int64 y = top; y < bottom; ++y) {
        float* row = output + to + y * down;
        const float* column0 = input + from + y;
        for (int64 x = left; x < right; ++x) row[x] = column0[x * step];
      }
    }
  });
}

}  // namespace

void permute(const Call& call) {
  float* output = call.buffer<float>(0);
  const float* input = call.buffer<float>(1);
  const Axes<1> axes(call.numbers);
  if (axes.size == 0) return;
  if (axes.innerStride(0) == 1) return copyRuns(call, axes, output, input);
  for (int axis = 0; axis < axes.rank - 1; ++axis)
    if (axes.stride[0][axis] == 1) return transposeTiles(call, axes, axis, output, input);
  const int64 inner = axes.inner(), stride = axes.innerStride(0);
  overRowGroups(call, axes.size / inner, inner, [&](int64 begin, int64 end) {
    Axes<1>::Rows place(axes, begin);
    for (int64 r = begin; r < end; ++r, place.next())
      for (int64 i = 0; i < inner; ++i) output[r * inner + i] = input[place.offset[0] + i * stride];
  });
}

}  // namespace splitmask::SPLITMASK_SET
