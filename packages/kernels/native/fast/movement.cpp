// Movement of elements: fill, copies, permutation, tokens by index.
#include "../generated/movement.h"
#include "../call.h"
#include "../indices.h"
#include "../parallel.h"
#include "../vector.h"
#include "axes.h"
#include "loops.h"

namespace splitmask::SPLITMASK_SET {

void fill(const Fill<float>& call) {
  constexpr int64 block = 1 << 16;
  const Vector value = broadcast(static_cast<float>(call.value));
  parallelFor(call, (call.size + block - 1) / block, [&](int64 task, int) {
    const int64 end = minimum(call.size, (task + 1) * block);
    int64 i = task * block;
    for (; i + lanes <= end; i += lanes) store(call.output + i, value);
    if (i < end) storePartial(call.output + i, value, static_cast<int>(end - i));
  });
}

void copyBytes(const CopyBytes<float>& call) {
  constexpr int64 block = 1 << 16;
  parallelFor(call, (call.bytes + block - 1) / block, [&](int64 task, int) {
    const int64 start = task * block;
    __builtin_memcpy(call.output + start, call.input + start,
                     static_cast<unsigned long>(minimum(block, call.bytes - start)));
  });
}

// Copies of strided blocks: slices, concatenation.

void copyBlocks(const CopyBlocks<float>& call) {
  float* output = call.output + call.outputOffset;
  const float* input = call.input + call.inputOffset;
  const int64 pieces = (call.inner + taskElements - 1) / taskElements;  // of a block
  overRows(call, call.outer * pieces, minimum(call.inner, taskElements), [&](int64 item) {
    const int64 o = item / pieces, begin = (item % pieces) * taskElements,
                end = minimum(call.inner, begin + taskElements);
    float* to = output + o * call.outputStride;
    const float* from = input + o * call.inputStride;
    overVectors(begin, end, [&](int64 i, auto part) { part.write(to + i, part.read(from + i)); });
  });
}

// Permutation of axes: runs where the innermost axis stays innermost, else square tiles, so that both sides use whole
// cache lines.

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

// Axis `column` is contiguous in the input, the last axis in the output: transposes tiles of the two for each place of
// the other axes.
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

void permute(const Permute<float>& call) {
  const Axes<1> axes(call.dimensions, {call.inputStrides});
  if (axes.size == 0) return;
  if (axes.innerStride(0) == 1) return copyRuns(call, axes, call.output, call.input);
  for (int axis = 0; axis < axes.rank - 1; ++axis)
    if (axes.stride[0][axis] == 1) return transposeTiles(call, axes, axis, call.output, call.input);
  const int64 inner = axes.inner(), stride = axes.innerStride(0);
  overRowGroups(call, axes.size / inner, inner, [&](int64 begin, int64 end) {
    Axes<1>::Rows place(axes, begin);
    for (int64 r = begin; r < end; ++r, place.next())
      for (int64 i = 0; i < inner; ++i) call.output[r * inner + i] = call.input[place.offset[0] + i * stride];
  });
}

// Tokens by index, and the gradient that adds them back.

namespace {

SPLITMASK_INLINE void addTo(float* to, const float* from, int64 count) {
  overVectors(0, count, [&](int64 i, auto part) { part.write(to + i, part.read(to + i) + part.read(from + i)); });
}

}  // namespace

void gatherTokens(const GatherTokens<float>& call) {
  if (!indicesAreInside(call, call.indices, call.batch * call.outputTokens, call.inputTokens)) return;
  overRows(call, call.batch * call.outputTokens, call.width, [&](int64 r) {
    const float* from = call.input + (r / call.outputTokens) * call.inputBatchStride + call.indices[r] * call.width;
    float* to = call.output + r * call.width;
    overVectors(0, call.width, [&](int64 i, auto part) { part.write(to + i, part.read(from + i)); });
  });
}

// Samples with rows of their own are shared out; into one table, columns are, so that each element's sum keeps its
// order.
void scatterAddTokens(const ScatterAddTokens<float>& call) {
  constexpr int64 columnsPerTask = 64;
  if (!indicesAreInside(call, call.indices, call.batch * call.inputTokens, call.outputTokens)) return;
  if (call.outputBatchStride != 0) {
    overRows(call, call.batch, call.inputTokens * call.width, [&](int64 b) {
      for (int64 r = b * call.inputTokens; r < (b + 1) * call.inputTokens; ++r)
        addTo(call.output + b * call.outputBatchStride + call.indices[r] * call.width, call.input + r * call.width,
              call.width);
    });
    return;
  }
  parallelFor(call, (call.width + columnsPerTask - 1) / columnsPerTask, [&](int64 task, int) {
    const int64 begin = task * columnsPerTask, count = minimum(columnsPerTask, call.width - begin);
    for (int64 r = 0; r < call.batch * call.inputTokens; ++r)
      addTo(call.output + call.indices[r] * call.width + begin, call.input + r * call.width + begin, count);
  });
}

}  // namespace splitmask::SPLITMASK_SET
