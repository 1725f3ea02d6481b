// Attention of one (sample, head) after the other: a panel of queries × all keys lives in the thread's scratch memory,
// never N×N of a large N.
#include "../generated/attention.h"
#include "attentionBlock.h"
#include "attentionFew.h"

namespace splitmask::SPLITMASK_SET {

namespace {

// output[query][column] = factor[query]·Σ over keys of probabilities·values[key][column]; `elements`: the packed keys.
template <int vectors, Layout layout, int64 step> struct OutputTile {
  template <int rows> static void run(int64 elements, const float* probabilities, int64 probabilityStride,
                                      const float* values, const float* factors, float* output, int64 stride,
                                      int columns, FetchAhead* ahead) {
    Vector sums[rows][vectors];
    multiplyTile<rows, vectors, layout, step>(elements, probabilities, probabilityStride, values, tileColumns, sums,
                                              fetchEvery, [&] { ahead->step(); });
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

// The output of `count` queries from their unnormalized probabilities and the values' panels.
template <Precision precision, Layout layout>
SPLITMASK_INLINE void mixValues(const Heads& shape, const float* probabilities, int64 probabilityStride, int64 count,
                                const float* values, const PanelNumbers& factors, float* output, FetchAhead* ahead) {
  constexpr int64 step = innerStep<precision>;
  const int64 elements = packedElements<precision>(shape.tokens), stride = shape.mergedRow();
  for (int64 column = 0; column < shape.width; column += tileColumns) {
    const int columns = static_cast<int>(minimum(tileColumns, shape.width - column));
    const auto run = [&](int64 row, auto kernel) {
      kernel(elements, probabilities + (layout == Layout::byRow ? row * probabilityStride : row), probabilityStride,
             values + column * elements, factors.of + row, output + row * stride + column, stride, columns, ahead);
    };
    if (columns <= lanes)
      overTiles<OutputTile<1, layout, step>>(count, run);
    else
      overTiles<OutputTile<2, layout, step>>(count, run);
  }
}

// For a panel: 1 / sums, and logSumExp, to which the largest scores, which were subtracted, are added again.
SPLITMASK_INLINE void finishSums(const PanelNumbers& largest, const PanelNumbers& sums, int64 count,
                                 PanelNumbers& factors, float* logSumExp) {
  for (int64 i = 0; i < count; i += lanes) {
    const Vector sum = load(sums.of + i);
    store(factors.of + i, 1.0f / sum);
    const Vector logarithms = load(largest.of + i) * naturalLogarithmOf2 + logarithm(sum);
    storePartial(logSumExp + i, logarithms, clampCount(count - i));
  }
}

// 2^(score − largest) of a few queries, [query][key] in lines `stride` apart, packed along the keys.
template <Precision precision>
SPLITMASK_INLINE void exponentialsOfFew(const Heads& shape, const Rows& queries, int64 count, const Rows& keys,
                                        float* scores, int64 stride, PanelNumbers& largest, PanelNumbers& sums) {
  constexpr int64 step = innerStep<precision>;
  const Vector none = broadcast(-__builtin_inff());
  for (int64 i = 0; i < count; ++i) {
    float* line = scores + i * stride;
    Vector top = none;
    for (int64 key = 0; key < shape.tokens; key += lanes) {
      const Vector products = productsOfRows<step>(packedElements<precision>(shape.width),
                                                   queries.of + i * queries.stride, keys, key, shape.tokens - key);
      const Vector score =
          select(firstLanes(clampCount(shape.tokens - key)), products * (shape.scale * binaryLogarithmOfE), none);
      store(line + key, score);
      top = maximum(score, top);
    }
    largest.of[i] = horizontalMaximum(top);
    const Vector shift = broadcast(largest.of[i]);
    Vector sum = {};
    for (int64 key = 0; key < shape.tokens; key += step * lanes) {
      Vector e[step];
      for (int64 s = 0; s < step; ++s) {
        const int64 place = key + s * lanes;
        e[s] = place < shape.tokens ? powerOf2OfNegative(load(line + place) - shift) : Vector{};
        sum += e[s];
      }
      store(line + key / step, packAlong<precision>(e));
    }
    sums.of[i] = horizontalSum(sum);
  }
}

template <Precision precision> void attend(const Attention<float>& call) {
  const Heads shape(call);
  const int64 tokens = shape.tokens, width = shape.width;
  const int64 inner = packedElements<precision>(tokens), elements = packedElements<precision>(width);
  const int64 few = fewOf(tokens), inPanels = tokens - few, fewStride = divideUp(tokens, lanes) * lanes;
  const int64 valuesSize = panelsSize(inner, width), keysSize = roomForRows<precision>(tokens, width),
              queriesSize = maximum(elements * tileColumns, roomForRows<precision>(few, width)),
              scoresSize = maximum(roomForKeys<precision>(tokens) * tileColumns, few * fewStride);
  const int64 steps = divideUp(inPanels, tileColumns) *
                      (divideUp(tokens, tileRows) * fetchesPerTile(elements) +
                       divideUp(width, tileColumns) * divideUp(tileColumns, tileRows) * fetchesPerTile(inner));
  forEachHead(call, shape, [&](int64 head, int thread, int64 end) {
    float* values =
        static_cast<float*>(call.scratch(call, thread, (valuesSize + keysSize + queriesSize + scoresSize) * 4));
    float* packedKeys = values + valuesSize;
    float* packedQueries = packedKeys + keysSize;
    float* scores = packedQueries + queriesSize;
    NextHead next(shape, head, end, steps);
    next.add(call.qkv, 3);
    next.add(call.output, 1);
    FetchAhead* ahead = next.ahead();
    const float* query = call.qkv + shape.packed(head, 0);
    packRowPanels<precision>(values, call.qkv + shape.packed(head, 2), shape.packedRow(), tokens, width);
    const Rows keys = rowsOf<precision>(packedKeys, call.qkv + shape.packed(head, 1), shape.packedRow(), tokens, width);
    PanelNumbers largest, sums, factors;
    for (int64 row = 0; row < inPanels; row += tileColumns) {
      const int64 count = minimum(tileColumns, inPanels - row);
      exponentialsOfPanel<precision>(shape, query + row * shape.packedRow(), count, keys, packedQueries, scores,
                                     largest, sums, ahead);
      finishSums(largest, sums, count, factors, call.logSumExp + head * tokens + row);
      mixValues<precision, Layout::byInner>(shape, scores, tileColumns, count, values, factors,
                                            call.output + shape.merged(head) + row * shape.mergedRow(), ahead);
    }
    if (few == 0) return;
    const Rows queries =
        rowsOf<precision>(packedQueries, query + inPanels * shape.packedRow(), shape.packedRow(), few, width);
    exponentialsOfFew<precision>(shape, queries, few, keys, scores, fewStride, largest, sums);
    finishSums(largest, sums, few, factors, call.logSumExp + head * tokens + inPanels);
    mixValues<precision, Layout::byRow>(shape, scores, fewStride, few, values, factors,
                                        call.output + shape.merged(head) + inPanels * shape.mergedRow(), ahead);
  });
}

}  // namespace

void attention(const Attention<float>& call) {
  if (call.precision == ProductPrecision::bfloat16)
    attend<Precision::bfloat16>(call);
  else
    attend<Precision::float32>(call);
}

void attentionProbabilities(const AttentionProbabilities<float>& call) {
  const Heads shape(call);
  const int64 tokens = shape.tokens, queriesSize = shape.width * tileColumns, scoresSize = tokens * tileColumns;
  forEachHead(call, shape, [&](int64 head, int thread, int64) {
    float* packedQueries = static_cast<float*>(call.scratch(call, thread, (queriesSize + scoresSize) * 4));
    float* scores = packedQueries + queriesSize;
    const Rows keys = {call.qkv + shape.packed(head, 1), shape.packedRow()};
    FetchAhead nothing(1);
    for (int64 row = 0; row < tokens; row += tileColumns) {
      const int64 count = minimum(tileColumns, tokens - row);
      PanelNumbers largest, sums;
      exponentialsOfPanel<Precision::float32>(shape, call.qkv + shape.packed(head, 0) + row * shape.packedRow(), count,
                                              keys, packedQueries, scores, largest, sums, &nothing);
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

// The arrays of a block of queries and all keys, [key][query] in lines `stride` apart: scores, replaced by
// probabilities, packed along the queries; dP, replaced by score gradients, packed along the queries; and the score
// gradients packed across the keys (in float32 the same memory).
struct Block {
  float *probabilities, *gradients, *across;
  int64 stride;
};

// For `rows` keys from the first one on: scores become probabilities, and P∘dP is added to the sums.
template <int vectors> SPLITMASK_INLINE void probabilitiesOfKeys(float* scores, const float* products, int64 stride,
                                                                 int64 rows, const PanelNumbers& shifts,
                                                                 PanelNumbers& sums) {
  Vector shift[vectors], sum[vectors];
#pragma GCC unroll 4
  for (int v = 0; v < vectors; ++v) {
    shift[v] = load(shifts.of + v * lanes);
    sum[v] = load(sums.of + v * lanes);
  }
  for (int64 key = 0; key < rows; ++key) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) {
      float* place = scores + key * stride + v * lanes;
      const Vector probability = powerOf2OfNegative(load(place) - shift[v]);
      store(place, probability);
      sum[v] += probability * load(products + key * stride + v * lanes);
    }
  }
#pragma GCC unroll 4
  for (int v = 0; v < vectors; ++v) store(sums.of + v * lanes, sum[v]);
}

// For the panel at `column`: probabilities and P∘(dP − D), packed as the products read them; sums holds D.
template <Precision precision, int vectors>
SPLITMASK_INLINE void scoreGradients(const Block& block, int64 column, int64 tokens, const PanelNumbers& sums) {
  constexpr int64 step = innerStep<precision>, together = stepsTogether<precision>;
  Vector sum[vectors];
#pragma GCC unroll 4
  for (int v = 0; v < vectors; ++v) sum[v] = load(sums.of + v * lanes);
  const auto finish = [&](int64 key, int64 present) {
    Vector gradients[vectors][together];
    for (int64 s = 0; s < present; ++s) {
      float* probability = block.probabilities + (key + s) * block.stride;
      float* gradient = block.gradients + (key + s) * block.stride;
      Vector p[vectors], g[vectors];
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) {
        p[v] = load(probability + column + v * lanes);
        g[v] = p[v] * (load(gradient + column + v * lanes) - sum[v]);
        gradients[v][s] = g[v];
      }
      if (precision == Precision::float32) {
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) store(gradient + column + v * lanes, g[v]);
        continue;
      }
      for (int v = 0; v < vectors; v += step) {
        Vector along[2][step];
        for (int64 i = 0; i < step; ++i) {
          along[0][i] = v + i < vectors ? p[v + i] : Vector{};
          along[1][i] = v + i < vectors ? g[v + i] : Vector{};
        }
        store(probability + column / step + v / step * lanes, packAlong<precision>(along[0]));
        store(gradient + column / step + v / step * lanes, packAlong<precision>(along[1]));
      }
    }
    if (precision == Precision::float32) return;
    for (int64 s = present; s < together; ++s)
      for (int v = 0; v < vectors; ++v) gradients[v][s] = Vector{};
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v)
      storeAcross<precision>(block.across + key / step * block.stride + column + v * lanes, block.stride, gradients[v]);
  };
  int64 key = 0;
  for (; key + together <= tokens; key += together) finish(key, together);
  if (key < tokens) finish(key, tokens - key);
}

// Scores and dP of the panel at `column`, one tile of keys after the other; each tile's exponentials follow at once,
// while it is in the cache. queries, gradients: the panel's, transposed.
template <Precision precision, int vectors>
SPLITMASK_INLINE void gradientsOfPanel(const Heads& shape, const Rows& keys, const Rows& values, const float* queries,
                                       const float* gradients, const Block& block, int64 column,
                                       const PanelNumbers& shifts, FetchAhead* ahead) {
  const int64 tokens = shape.tokens, elements = packedElements<precision>(shape.width), stride = block.stride,
              height = evenHeight(tokens);
  constexpr int columns = vectors * lanes;
  PanelNumbers sums = {};
  for (int64 row = 0; row < tokens; row += height) {
    const int64 rows = minimum(height, tokens - row);
    float* scores = block.probabilities + row * stride + column;
    float* products = block.gradients + row * stride + column;
    const TileKernel kernel = tileKernel<precision>(static_cast<int>(rows), columns, Layout::byRow);
    kernel(elements, keys.of + row * keys.stride, keys.stride, queries, tileColumns,
           {scores, stride, columns, shape.scale * binaryLogarithmOfE, 0.0f, nullptr, nullptr, scores, nullptr, stride,
            ahead});
    kernel(elements, values.of + row * values.stride, values.stride, gradients, tileColumns,
           {products, stride, columns, 1.0f, 0.0f, nullptr, nullptr, products, nullptr, stride, ahead});
    probabilitiesOfKeys<vectors>(scores, products, stride, rows, shifts, sums);
  }
  scoreGradients<precision, vectors>(block, column, tokens, sums);
}

// The same for a few queries (attentionFew.h). lines: room for two lines of keys.
template <Precision precision>
SPLITMASK_INLINE void gradientsOfFew(const Heads& shape, const Rows& keys, const Rows& values, const Rows& queries,
                                     const Rows& gradients, int64 count, const Block& block, int64 column,
                                     const PanelNumbers& shifts, float* lines) {
  constexpr int64 step = innerStep<precision>;
  const int64 tokens = shape.tokens, elements = packedElements<precision>(shape.width), stride = block.stride;
  float* products = lines + divideUp(tokens, lanes) * lanes;
  PanelNumbers sums = {};
  // The lanes that are left over stay finite.
  for (int64 key = 0; key < tokens; ++key) {
    store(block.probabilities + key * stride + column, Vector{});
    store(block.gradients + key * stride + column, Vector{});
  }
  for (int64 i = 0; i < count; ++i) {
    const Vector shift = broadcast(shifts.of[i]);
    Vector sum = {};
    for (int64 key = 0; key < tokens; key += lanes) {
      const Vector score = productsOfRows<step>(elements, queries.of + i * queries.stride, keys, key, tokens - key) *
                           (shape.scale * binaryLogarithmOfE);
      const Vector product =
          productsOfRows<step>(elements, gradients.of + i * gradients.stride, values, key, tokens - key);
      const Vector probability =
          select(firstLanes(clampCount(tokens - key)), powerOf2OfNegative(score - shift), Vector{});
      store(lines + key, probability);
      store(products + key, product);
      sum += probability * product;
    }
    sums.of[i] = horizontalSum(sum);
    for (int64 key = 0; key < tokens; ++key) {
      block.probabilities[key * stride + column + i] = lines[key];
      block.gradients[key * stride + column + i] = products[key];
    }
  }
  scoreGradients<precision, 1>(block, column, tokens, sums);
}

// c[rows × columns] = alpha·a·b + beta·c, b in panels [panel][inner][tileColumns], `inner` packed elements.
template <Precision precision> SPLITMASK_INLINE void multiplyPanels(int64 rows, int64 columns, int64 inner,
                                                                    const float* a, int64 aStride, Layout layout,
                                                                    const float* panels, float alpha, float beta,
                                                                    float* c, int64 cStride, FetchAhead* ahead) {
  const int64 height = evenHeight(rows), aRow = layout == Layout::byRow ? aStride : 1;
  for (int64 column = 0; column < columns; column += tileColumns) {
    const int width = static_cast<int>(minimum(tileColumns, columns - column));
    for (int64 row = 0; row < rows; row += height) {
      const TileKernel kernel = tileKernel<precision>(static_cast<int>(minimum(height, rows - row)), width, layout);
      kernel(inner, a + row * aRow, aStride, panels + column * inner, tileColumns,
             {c + row * cStride + column, cStride, width, alpha, beta, nullptr, nullptr, c + row * cStride + column,
              nullptr, cStride, ahead});
    }
  }
}

// P = e^(scale·q·kᵀ − logSumExp); dV = PᵀdO, dP = dO·vᵀ, D = rowsum(P∘dP), dS = P∘(dP − D), dQ = scale·dS·k, dK =
// scale·dSᵀ·q.
template <Precision precision> void attendBackward(const AttentionBackward<float>& call) {
  constexpr bool isExact = precision == Precision::float32;
  const Heads shape(call);
  if (shape.count() == 0) return;
  const int64 tokens = shape.tokens, width = shape.width, packedRow = shape.packedRow(), mergedRow = shape.mergedRow();
  const int64 elements = packedElements<precision>(width), inner = packedElements<precision>(tokens);
  const int64 block = queriesAtOnce(shape), stride = packedStride(block);
  const int64 transposedSize = maximum(elements * tileColumns, roomForRows<precision>(fewQueries, width)),
              keysSize = panelsSize(inner, width), blockSize = panelsSize(packedElements<precision>(block), width),
              rowsSize = roomForRows<precision>(tokens, width), acrossSize = isExact ? 0 : inner * stride,
              linesSize = 2 * divideUp(tokens, lanes) * lanes;
  const int64 tiles = divideUp(tokens, tileRows), columnTiles = divideUp(width, tileColumns),
              blocks = divideUp(tokens, block);
  const int64 steps =
      2 * tiles * divideUp(tokens, tileColumns) * fetchesPerTile(elements) +
      columnTiles * tiles * (fetchesPerTile(inner) + 2 * blocks * fetchesPerTile(packedElements<precision>(block)));
  forEachHead(call, shape, [&](int64 head, int thread, int64 end) {
    float* transposedQueries = static_cast<float*>(call.scratch(
        call, thread,
        (2 * transposedSize + keysSize + 2 * blockSize + 2 * rowsSize + 2 * tokens * stride + acrossSize + linesSize) *
            4));
    float* transposedGradients = transposedQueries + transposedSize;
    float* keyPanels = transposedGradients + transposedSize;
    float* queryPanels = keyPanels + keysSize;
    float* gradientPanels = queryPanels + blockSize;
    float* packedKeys = gradientPanels + blockSize;
    float* packedValues = packedKeys + rowsSize;
    Block of = {packedValues + rowsSize, packedValues + rowsSize + tokens * stride, nullptr, stride};
    float* behind = of.gradients + tokens * stride;
    of.across = isExact ? of.gradients : behind;
    float* lines = behind + acrossSize;
    NextHead next(shape, head, end, steps);
    next.add(call.qkv, 3);
    next.add(call.outputGradient, 1);
    next.add(call.qkvGradient, 3);
    FetchAhead* ahead = next.ahead();
    const float* key = call.qkv + shape.packed(head, 1);
    packRowPanels<precision>(keyPanels, key, packedRow, tokens, width);
    const Rows keys = rowsOf<precision>(packedKeys, key, packedRow, tokens, width);
    const Rows values = rowsOf<precision>(packedValues, call.qkv + shape.packed(head, 2), packedRow, tokens, width);
    for (int64 first = 0; first < tokens; first += block) {
      const int64 columns = minimum(block, tokens - first), few = fewOf(columns);
      const float* query = call.qkv + shape.packed(head, 0) + first * packedRow;
      const float* gradient = call.outputGradient + shape.merged(head) + first * mergedRow;
      for (int64 column = 0, count = 0; column < columns; column += count) {
        count = column < columns - few ? minimum(tileColumns, columns - few - column) : few;
        PanelNumbers shifts;
        for (int64 i = 0; i < count; i += lanes) {
          store(shifts.of + i,
                loadFirst(call.logSumExp + head * tokens + first + column + i, count - i) * binaryLogarithmOfE);
        }
        const float* panelQueries = query + column * packedRow;
        const float* panelGradients = gradient + column * mergedRow;
        if (column == columns - few) {
          const Rows fewQueryRows = rowsOf<precision>(transposedQueries, panelQueries, packedRow, few, width);
          const Rows fewGradientRows = rowsOf<precision>(transposedGradients, panelGradients, mergedRow, few, width);
          gradientsOfFew<precision>(shape, keys, values, fewQueryRows, fewGradientRows, few, of, column, shifts, lines);
          continue;
        }
        packTransposedColumns<precision>(transposedQueries, panelQueries, packedRow, width, count);
        packTransposedColumns<precision>(transposedGradients, panelGradients, mergedRow, width, count);
        if (count <= lanes)
          gradientsOfPanel<precision, 1>(shape, keys, values, transposedQueries, transposedGradients, of, column,
                                         shifts, ahead);
        else
          gradientsOfPanel<precision, 2>(shape, keys, values, transposedQueries, transposedGradients, of, column,
                                         shifts, ahead);
      }
      packRowPanels<precision>(queryPanels, query, packedRow, columns, width);
      packRowPanels<precision>(gradientPanels, gradient, mergedRow, columns, width);
      const int64 columnElements = packedElements<precision>(columns);
      const float beta = first == 0 ? 0.0f : 1.0f;
      multiplyPanels<precision>(columns, width, inner, of.across, stride, Layout::byInner, keyPanels, shape.scale, 0.0f,
                                call.qkvGradient + shape.packed(head, 0) + first * packedRow, packedRow, ahead);
      multiplyPanels<precision>(tokens, width, columnElements, of.gradients, stride, Layout::byRow, queryPanels,
                                shape.scale, beta, call.qkvGradient + shape.packed(head, 1), packedRow, ahead);
      multiplyPanels<precision>(tokens, width, columnElements, of.probabilities, stride, Layout::byRow, gradientPanels,
                                1.0f, beta, call.qkvGradient + shape.packed(head, 2), packedRow, ahead);
    }
  });
}

}  // namespace

void attentionBackward(const AttentionBackward<float>& call) {
  if (call.precision == ProductPrecision::bfloat16)
    attendBackward<Precision::bfloat16>(call);
  else
    attendBackward<Precision::float32>(call);
}

}  // namespace splitmask::SPLITMASK_SET
