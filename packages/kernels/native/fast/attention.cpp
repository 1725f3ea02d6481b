// Attention of one (sample, head) after the other: a panel of queries × all keys lives in the thread's scratch memory,
// never N×N of a large N.
#include "../generated/attention.h"
#include "attentionBlock.h"

namespace splitmask::SPLITMASK_SET {

namespace {

// output[query][column] = factor[query]·Σ over keys of probabilities[key][query]·values[key][column].
template <int vectors> struct OutputTile {
  template <int rows> static void run(int64 tokens, const float* probabilities, const float* values,
                                      const float* factors, float* output, int64 stride, int columns) {
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
SPLITMASK_INLINE void outputOfVectors(const Heads& shape, const float* probabilities, int64 count, const float* values,
                                      const float* factors, float* output, int64 columns, const Between& between) {
  const int64 stride = shape.mergedRow();
  overTiles<OutputTile<vectors>>(count, [&](int64 row, auto kernel) {
    kernel(shape.tokens, probabilities + row, values, factors + row, output + row * stride, stride,
           static_cast<int>(columns));
    between();
  });
}

}  // namespace

void attention(const Attention<float>& call) {
  const Heads shape(call);
  const int64 tokens = shape.tokens, width = shape.width;
  const int64 valuesSize = panelsSize(tokens, width), queriesSize = width * tileColumns,
              scoresSize = tokens * tileColumns;
  const int64 steps = divideUp(tokens, tileColumns) * (divideUp(tokens, tileRows) + divideUp(tokens, keysOfStep) +
                                                       divideUp(width, tileColumns) * divideUp(tileColumns, tileRows));
  forEachHead(call, shape, [&](int64 head, int thread, int64 end) {
    float* values = static_cast<float*>(call.scratch(call, thread, (valuesSize + queriesSize + scoresSize) * 4));
    float* packedQueries = values + valuesSize;
    float* scores = packedQueries + queriesSize;
    NextHead ahead(shape, head, end, steps);
    ahead.add(call.qkv, 3);
    ahead.add(call.output, 1);
    const auto between = [&] { ahead.step(); };
    packRowPanels(values, call.qkv + shape.packed(head, 2), shape.packedRow(), tokens, width);
    for (int64 row = 0; row < tokens; row += tileColumns) {
      const int64 count = minimum(tileColumns, tokens - row);
      PanelNumbers largest, sums, factors;
      exponentialsOfPanel(shape, call.qkv + shape.packed(head, 0) + row * shape.packedRow(), count,
                          call.qkv + shape.packed(head, 1), packedQueries, scores, largest, sums, between);
      for (int64 i = 0; i < count; i += lanes) {
        const Vector sum = load(sums.of + i);
        store(factors.of + i, 1.0f / sum);
        const Vector logarithms = load(largest.of + i) * naturalLogarithmOf2 + logarithm(sum);
        storePartial(call.logSumExp + head * tokens + row + i, logarithms, static_cast<int>(minimum(lanes, count - i)));
      }
      float* result = call.output + shape.merged(head) + row * shape.mergedRow();
      for (int64 column = 0; column < width; column += tileColumns) {
        const int64 columns = minimum(tileColumns, width - column);
        const float* panel = values + column * tokens;
        if (columns <= lanes)
          outputOfVectors<1>(shape, scores, count, panel, factors.of, result + column, columns, between);
        else
          outputOfVectors<2>(shape, scores, count, panel, factors.of, result + column, columns, between);
      }
    }
  });
}

void attentionProbabilities(const AttentionProbabilities<float>& call) {
  const Heads shape(call);
  const int64 tokens = shape.tokens, queriesSize = shape.width * tileColumns, scoresSize = tokens * tileColumns;
  forEachHead(call, shape, [&](int64 head, int thread, int64) {
    float* packedQueries = static_cast<float*>(call.scratch(call, thread, (queriesSize + scoresSize) * 4));
    float* scores = packedQueries + queriesSize;
    for (int64 row = 0; row < tokens; row += tileColumns) {
      const int64 count = minimum(tileColumns, tokens - row);
      PanelNumbers largest, sums;
      exponentialsOfPanel(shape, call.qkv + shape.packed(head, 0) + row * shape.packedRow(), count,
                          call.qkv + shape.packed(head, 1), packedQueries, scores, largest, sums, [] {});
      float* place = call.probabilities + (head * tokens + row) * tokens;
      for (int64 i = 0; i < count; ++i) {
        const float factor = 1.0f / sums.of[i];
        for (int64 key = 0; key < tokens; ++key) place[i * tokens + key] = scores[key * tileColumns + i] * factor;
      }
    }
  });
}

// The gradient of attention, one (sample, head) after the other: a block of queries × all keys lives in the thread's
// scratch memory.

namespace {

// Queries whose probabilities and score gradients stay in the second-level cache together, in whole panels.
int64 queriesAtOnce(const Heads& shape) {
  const int64 columns = (96 << 10) / (2 * shape.tokens) / tileColumns * tileColumns;
  return minimum(shape.tokens, maximum(tileColumns, columns));
}

// Of a panel of queries: scores[key][query] become probabilities, products dP[key][query] = v·g become P∘(dP − D) with
// D = Σ over keys of P∘dP.
template <int vectors> SPLITMASK_INLINE void scoreGradients(float* scores, float* products, int64 stride, int64 tokens,
                                                            const PanelNumbers& logSumExp) {
  Vector shift[vectors], sum[vectors];
#pragma GCC unroll 4
  for (int v = 0; v < vectors; ++v) {
    shift[v] = load(logSumExp.of + v * lanes);
    sum[v] = Vector{};
  }
  for (int64 key = 0; key < tokens; ++key) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) {
      float* place = scores + key * stride + v * lanes;
      const Vector probability = powerOf2OfNegative(load(place) - shift[v]);
      store(place, probability);
      sum[v] += probability * load(products + key * stride + v * lanes);
    }
  }
  for (int64 key = 0; key < tokens; ++key) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) {
      float* place = products + key * stride + v * lanes;
      store(place, load(scores + key * stride + v * lanes) * (load(place) - sum[v]));
    }
  }
}

// c[rows × columns] = alpha·a·b + beta·c, b in panels [panel][inner][tileColumns]; between() after each tile.
template <class Between> SPLITMASK_INLINE void multiplyPanels(int64 rows, int64 columns, int64 inner, const float* a,
                                                              int64 aStride, Layout layout, const float* panels,
                                                              float alpha, float beta, float* c, int64 cStride,
                                                              const Between& between) {
  const int64 height = evenHeight(rows), aRow = layout == Layout::byRow ? aStride : 1;
  for (int64 column = 0; column < columns; column += tileColumns) {
    const int width = static_cast<int>(minimum(tileColumns, columns - column));
    for (int64 row = 0; row < rows; row += height) {
      const TileKernel kernel = tileKernel(static_cast<int>(minimum(height, rows - row)), width, layout);
      kernel(inner, a + row * aRow, aStride, panels + column * inner, tileColumns,
             {c + row * cStride + column, cStride, width, alpha, beta, nullptr, nullptr, c + row * cStride + column,
              nullptr, cStride});
      between();
    }
  }
}

}  // namespace

// P = e^(scale·q·kᵀ − logSumExp); dV = PᵀdO, dP = dO·vᵀ, D = rowsum(P∘dP), dS = P∘(dP − D), dQ = scale·dS·k, dK =
// scale·dSᵀ·q.
void attentionBackward(const AttentionBackward<float>& call) {
  const Heads shape(call);
  if (shape.count() == 0) return;
  const int64 tokens = shape.tokens, width = shape.width, packedRow = shape.packedRow(), mergedRow = shape.mergedRow();
  const int64 block = queriesAtOnce(shape), stride = packedStride(block);
  const int64 transposedSize = width * tileColumns, keysSize = panelsSize(tokens, width),
              rowsSize = panelsSize(block, width);
  const int64 tiles = divideUp(tokens, tileRows), columnTiles = divideUp(width, tileColumns),
              blocks = divideUp(tokens, block);
  const int64 steps = divideUp(tokens, tileColumns) * 2 * tiles + columnTiles * tiles * (1 + 2 * blocks);
  forEachHead(call, shape, [&](int64 head, int thread, int64 end) {
    float* transposed = static_cast<float*>(
        call.scratch(call, thread, (transposedSize + keysSize + 2 * rowsSize + 2 * tokens * stride) * 4));
    float* keys = transposed + transposedSize;
    float* queries = keys + keysSize;
    float* gradients = queries + rowsSize;
    float* probabilities = gradients + rowsSize;
    float* scoreGradient = probabilities + tokens * stride;
    NextHead ahead(shape, head, end, steps);
    ahead.add(call.qkv, 3);
    ahead.add(call.outputGradient, 1);
    ahead.add(call.qkvGradient, 3);
    const auto between = [&] { ahead.step(); };
    const float* key = call.qkv + shape.packed(head, 1);
    const float* value = call.qkv + shape.packed(head, 2);
    packRowPanels(keys, key, packedRow, tokens, width);
    for (int64 first = 0; first < tokens; first += block) {
      const int64 columns = minimum(block, tokens - first);
      const float* query = call.qkv + shape.packed(head, 0) + first * packedRow;
      const float* gradient = call.outputGradient + shape.merged(head) + first * mergedRow;
      for (int64 column = 0; column < columns; column += tileColumns) {
        const int64 count = minimum(tileColumns, columns - column), whole = divideUp(count, lanes) * lanes;
        packTransposedColumns(transposed, query + column * packedRow, packedRow, width, count);
        multiplyPanels(tokens, whole, width, key, packedRow, Layout::byRow, transposed,
                       shape.scale * binaryLogarithmOfE, 0.0f, probabilities + column, stride, between);
        packTransposedColumns(transposed, gradient + column * mergedRow, mergedRow, width, count);
        multiplyPanels(tokens, whole, width, value, packedRow, Layout::byRow, transposed, 1.0f, 0.0f,
                       scoreGradient + column, stride, between);
        PanelNumbers shifts;
        for (int64 i = 0; i < count; i += lanes) {
          store(shifts.of + i,
                loadFirst(call.logSumExp + head * tokens + first + column + i, count - i) * binaryLogarithmOfE);
        }
        if (whole == lanes)
          scoreGradients<1>(probabilities + column, scoreGradient + column, stride, tokens, shifts);
        else
          scoreGradients<2>(probabilities + column, scoreGradient + column, stride, tokens, shifts);
      }
      packRowPanels(queries, query, packedRow, columns, width);
      packRowPanels(gradients, gradient, mergedRow, columns, width);
      const float beta = first == 0 ? 0.0f : 1.0f;
      multiplyPanels(columns, width, tokens, scoreGradient, stride, Layout::byInner, keys, shape.scale, 0.0f,
                     call.qkvGradient + shape.packed(head, 0) + first * packedRow, packedRow, between);
      multiplyPanels(tokens, width, columns, scoreGradient, stride, Layout::byRow, queries, shape.scale, beta,
                     call.qkvGradient + shape.packed(head, 1), packedRow, between);
      multiplyPanels(tokens, width, columns, probabilities, stride, Layout::byRow, gradients, 1.0f, beta,
                     call.qkvGradient + shape.packed(head, 2), packedRow, between);
    }
  });
}

}  // namespace splitmask::SPLITMASK_SET
