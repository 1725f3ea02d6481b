// Attention of one (sample, head) after the other: a panel of queries × all keys lives in the thread's scratch memory, never N×N of a large N.
#include "attentionBlock.h"

namespace splitmask::SPLITMASK_SET {

namespace {

// output[query][column] = factor[query]·Σ over keys of probabilities[key][query]·values[key][column].
template <int vectors> struct OutputTile {
  template <int rows>
  static void run(
      int64 tokens, const float* probabilities, const float* values, const float* factors, float* output, int64 stride, int columns) {
    Vector sums[rows][vectors];
    multiplyTile<rows, vectors, Layout::byInner, 1>(tokens, probabilities, tileColumns, values, tileColumns, sums);
    if (columns == vectors * lanes) {
#pragma GCC unroll 16
      for (int i = 0; i < rows; ++i)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) store(output + i * stride + v * lanes, sums[i][v] * factors[i]);
      return;
    }
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i)
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) {
        storePartial(output + i * stride + v * lanes, sums[i][v] * factors[i], clampCount(columns - v * lanes));
      }
  }
};

template <int vectors, class Between>
SPLITMASK_INLINE void outputOfVectors(
    const Heads& shape, const float* probabilities, int64 count, const float* values, const float* factors, float* output,
    int64 columns, const Between& between) {
  const int64 stride = shape.mergedRow();
  overTiles<OutputTile<vectors>>(count, [&](int64 row, auto kernel) {
    kernel(
        shape.tokens, probabilities + row, values, factors + row, output + row * stride, stride, static_cast<int>(columns));
    between();
  });
}

}  // namespace

void attention(const Call& call) {
  float* output = call.buffer<float>(0);
  float* logSumExp = call.buffer<float>(1);
  const float* qkv = call.buffer<float>(2);
  const Heads shape(call);
  const int64 tokens = shape.tokens, width = shape.width;
  const int64 valuesSize = panelsSize(tokens, width), queriesSize = width * tileColumns, scoresSize = tokens * tileColumns;
  const int64 steps = divideUp(tokens, tileColumns) * (divideUp(tokens, tileRows) + divideUp(tokens, keysOfStep) +
                                                      divideUp(width, tileColumns) * divideUp(tileColumns, tileRows));
  forEachHead(call, shape, [&](int64 head, int thread, int64 end) {
    float* values = static_cast<float*>(call.scratch(call, thread, (valuesSize + queriesSize + scoresSize) * 4));
    float* packedQueries = values + valuesSize;
    float* scores = packedQueries + queriesSize;
    NextHead ahead(shape, head, end, steps);
    ahead.add(qkv, 3);
    ahead.add(output, 1);
    const auto between = [&] { ahead.step(); };
    packRowPanels(values, qkv + shape.packed(head, 2), shape.packedRow(), tokens, width);
    for (int64 row = 0; row < tokens; row += tileColumns) {
      const int64 count = minimum(tileColumns, tokens - row);
      PanelNumbers largest, sums, factors;
      exponentialsOfPanel(
          shape, qkv + shape.packed(head, 0) + row * shape.packedRow(), count, qkv + shape.packed(head, 1), packedQueries, scores,
          largest, sums, between);
      for (int64 i = 0; i < count; i += lanes) {
        const Vector sum = load(sums.of + i);
        store(factors.of + i, 1.0f / sum);
        const Vector logarithms = load(largest.of + i) * naturalLogarithmOf2 + logarithm(sum);
        storePartial(logSumExp + head * tokens + row + i, logarithms, static_cast<int>(minimum(lanes, count - i)));
      }
      float* result = output + shape.merged(head) + row * shape.mergedRow();
      for (int64 column = 0; column < width; column += tileColumns) {
        const int64 columns = minimum(tileColumns, width - column);
        const float* panel = values + column * tokens;
        if (columns <= lanes) outputOfVectors<1>(shape, scores, count, panel, factors.of, result + column, columns, between);
        else outputOfVectors<2>(shape, scores, count, panel, factors.of, result + column, columns, between);
      }
    }
  });
}

void attentionProbabilities(const Call& call) {
  float* probabilities = call.buffer<float>(0);
  const float* qkv = call.buffer<float>(1);
  const Heads shape(call);
  const int64 tokens = shape.tokens, queriesSize = shape.width * tileColumns, scoresSize = tokens * tileColumns;
  forEachHead(call, shape, [&](int64 head, int thread, int64) {
    float* packedQueries = static_cast<float*>(call.scratch(call, thread, (queriesSize + scoresSize) * 4));
    float* scores = packedQueries + queriesSize;
    for (int64 row = 0; row < tokens; row += tileColumns) {
      const int64 count = minimum(tileColumns, tokens - row);
      PanelNumbers largest, sums;
      exponentialsOfPanel(
          shape, qkv + shape.packed(head, 0) + row * shape.packedRow(), count, qkv + shape.packed(head, 1), packedQueries, scores,
          largest, sums, [] {});
      float* place = probabilities + (head * tokens + row) * tokens;
      for (int64 i = 0; i < count; ++i) {
        const float factor = 1.0f / sums.of[i];
        for (int64 key = 0; key < tokens; ++key) place[i * tokens + key] = scores[key * tileColumns + i] * factor;
      }
    }
  });
}

}  // namespace splitmask::SPLITMASK_SET
