// Tokens by index, and the gradient that adds them back.
#include "../indices.h"
#include "loops.h"

namespace splitmask::SPLITMASK_SET {

namespace {

SPLITMASK_INLINE void addTo(float* to, const float* from, int64 count) {
  overVectors(0, count, [&](int64 i, auto part) { part.write(to + i, part.read(to + i) + part.read(from + i)); });
}

}  // namespace

void gatherTokens(const Call& call) {
  float* output = call.buffer<float>(0);
  const float* input = call.buffer<float>(1);
  const int* indices = call.buffer<int>(2);
  const int64 batch = call.integer(0), inputTokens = call.integer(1), outputTokens = call.integer(2);
  const int64 width = call.integer(3), inputBatchStride = call.integer(4);
  if (!indicesAreInside(call, indices, batch * outputTokens, inputTokens)) return;
  overRows(call, batch * outputTokens, width, [&](int64 r) {
    const float* from = input + (r / outputTokens) * inputBatchStride + indices[r] * width;
    float* to = output + r * width;
    overVectors(0, width, [&](int64 i, auto part) { part.write(to + i, part.read(from + i)); });
  });
}

// Samples with rows of their own are shared out; into one table, columns are, so that each element's sum keeps its order.
void scatterAddTokens(const Call& call) {
  constexpr int64 columnsPerTask = 64;
  float* output = call.buffer<float>(0);
  const float* input = call.buffer<float>(1);
  const int* indices = call.buffer<int>(2);
  const int64 batch = call.integer(0), outputTokens = call.integer(1), inputTokens = call.integer(2);
  const int64 width = call.integer(3), outputBatchStride = call.integer(4);
  if (!indicesAreInside(call, indices, batch * inputTokens, outputTokens)) return;
  if (outputBatchStride != 0) {
    overRows(call, batch, inputTokens * width, [&](int64 b) {
      for (int64 r = b * inputTokens; r < (b + 1) * inputTokens; ++r)
        addTo(output + b * outputBatchStride + indices[r] * width, input + r * width, width);
    });
    return;
  }
  parallelFor(call, (width + columnsPerTask - 1) / columnsPerTask, [&](int64 task, int) {
    const int64 begin = task * columnsPerTask, count = minimum(columnsPerTask, width - begin);
    for (int64 r = 0; r < batch * inputTokens; ++r) addTo(output + indices[r] * width + begin, input + r * width + begin, count);
  });
}

}  // namespace splitmask::SPLITMASK_SET
