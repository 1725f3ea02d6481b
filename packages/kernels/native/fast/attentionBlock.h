// What attention, its probabilities and its gradient share: packed rows, and the scores of a panel of queries. Scores
// are computed transposed, [key][tileColumns queries]: a query is a lane, so that maxima and sums over keys need no
// step across lanes, and what multiplies the values is read as the GEMM's micro-kernel reads a transposed operand.
#pragma once
#include "attentionHeads.h"
#include "maths.h"

namespace splitmask::SPLITMASK_SET {

// Scores are kept in units of ln 2, for 2^x.
constexpr float binaryLogarithmOfE = 1.44269504f;
constexpr float naturalLogarithmOf2 = 0.693147181f;

// Rows whose elements a tile broadcasts: float32 where they lie, else packed.
struct Rows {
  const float* of;
  int64 stride;
};
template <Precision precision> SPLITMASK_INLINE int64 roomForRows(int64 rows, int64 columns) {
  return precision == Precision::float32 ? 0 : rows * packedStride(packedElements<precision>(columns));
}
template <Precision precision>
SPLITMASK_INLINE Rows rowsOf(float* room, const float* from, int64 stride, int64 rows, int64 columns) {
  if (precision == Precision::float32) return {from, stride};
  const int64 packed = packedStride(packedElements<precision>(columns));
  packRows<precision>(room, packed, from, stride, rows, columns);
  return {room, packed};
}

// Keys with what is packed together with the last one.
template <Precision precision> SPLITMASK_INLINE int64 roomForKeys(int64 keys) {
  return packedElements<precision>(keys) * innerStep<precision>;
}

// As packPanels, but one panel after the other: for the short blocks of a head, going line by line with prefetches
// costs more than it gains.
template <Precision precision>
SPLITMASK_INLINE void packRowPanels(float* to, const float* from, int64 stride, int64 rows, int64 columns) {
  constexpr int64 together = stepsTogether<precision>, floats = together / innerStep<precision> * tileColumns;
  for (int64 column = 0; column < columns; column += tileColumns) {
    const int64 count = minimum(tileColumns, columns - column);
    const auto pack = [&](int64 i, int64 width) {
#pragma GCC unroll 4
      for (int v = 0; v < tileVectors; ++v)
        packAcross<precision>(to + v * lanes, tileColumns, from + i * stride + column + v * lanes, stride, rows - i,
                              width - v * lanes);
    };
    if (count == tileColumns)
      for (int64 i = 0; i < rows; i += together, to += floats) pack(i, tileColumns);
    else
      for (int64 i = 0; i < rows; i += together, to += floats) pack(i, count);
  }
}

// Stores, as a product reads them, the vectors of steps that are packed together across the inner dimension; the next
// element's place is `apart` further.
template <Precision precision>
SPLITMASK_INLINE void storeAcross(float* place, int64 apart, const Vector (&values)[stepsTogether<precision>]) {
  if constexpr (precision == Precision::float32) {
    store(place, values[0]);
  } else {
#if defined(__AVX512BF16__)
    store(place, pairAcross(values[0], values[1]));
#else
    store(place, roundToBfloat16(values[1]));
    store(place + apart, roundToBfloat16(values[0]));
#endif
  }
}

// What a product reads of vectors that follow each other along the inner dimension: of pairs, one vector of two.
template <Precision precision> SPLITMASK_INLINE Vector packAlong(const Vector (&values)[innerStep<precision>]) {
  if constexpr (precision == Precision::float32) {
    return values[0];
  } else {
#if defined(__AVX512BF16__)
    return pairAlong(values[0], values[1]);
#else
    return swapNeighbors(roundToBfloat16(values[0]));
#endif
  }
}

// Tile::run<rows> for `wanted` (1 … tileRows) rows.
template <class Tile, int rows = tileRows> auto tileOf(int wanted) -> decltype(&Tile::template run<1>) {
  if constexpr (rows == 1) {
    return &Tile::template run<1>;
  } else {
    return wanted == rows ? &Tile::template run<rows> : tileOf<Tile, rows - 1>(wanted);
  }
}

// run(first row, kernel) over the tiles of `rows` rows.
template <class Tile, class Run> SPLITMASK_INLINE void overTiles(int64 rows, const Run& run) {
  const int64 height = evenHeight(rows);
  const auto full = tileOf<Tile>(static_cast<int>(height));
  int64 row = 0;
  for (; row + height <= rows; row += height) run(row, full);
  if (row < rows) run(row, tileOf<Tile>(static_cast<int>(rows - row)));
}

// A number for each query of a panel.
struct alignas(64) PanelNumbers {
  float of[tileColumns];
};

// How a tile of scores is written. A struct in memory, as TileOutput is, so that the factor needs no register while the
// products are formed.
struct ScoreOutput {
  float* scores;
  float* largest;
  float factor;
  FetchAhead* ahead;
};

// scores[key][query] = factor·k·q; raises `largest` to the largest of each query. `elements`: the packed width.
template <int vectors, int64 step> struct ScoreTile {
  template <int rows>
  static void run(int64 elements, const float* keys, int64 stride, const float* queries, const ScoreOutput& output) {
    Vector sums[rows][vectors];
    multiplyTile<rows, vectors, Layout::byRow, step>(elements, keys, stride, queries, tileColumns, sums, fetchEvery,
                                                     [&] { output.ahead->step(); });
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) {
      Vector top = load(output.largest + v * lanes);
#pragma GCC unroll 16
      for (int i = 0; i < rows; ++i) {
        const Vector score = sums[i][v] * output.factor;
        store(output.scores + i * tileColumns + v * lanes, score);
        top = maximum(score, top);
      }
      store(output.largest + v * lanes, top);
    }
  }
};

// Scores become 2^(score − largest), not yet normalized, packed across the keys; sums: those of these powers over the
// keys, before they are rounded.
template <Precision precision, int vectors>
SPLITMASK_INLINE void exponentiatePanel(float* scores, int64 tokens, const PanelNumbers& largest, PanelNumbers& sums) {
  constexpr int64 together = stepsTogether<precision>;
  Vector top[vectors], sum[vectors];
#pragma GCC unroll 4
  for (int v = 0; v < vectors; ++v) {
    top[v] = load(largest.of + v * lanes);
    sum[v] = Vector{};
  }
  const auto exponentiate = [&](int64 key, int64 present) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) {
      Vector e[together];
      for (int64 s = 0; s < together; ++s) {
        e[s] = s < present ? powerOf2OfNegative(load(scores + (key + s) * tileColumns + v * lanes) - top[v]) : Vector{};
        sum[v] += e[s];
      }
      storeAcross<precision>(scores + key / innerStep<precision> * tileColumns + v * lanes, tileColumns, e);
    }
  };
  int64 key = 0;
  for (; key + together <= tokens; key += together) exponentiate(key, together);
  if (key < tokens) exponentiate(key, tokens - key);
#pragma GCC unroll 4
  for (int v = 0; v < vectors; ++v) store(sums.of + v * lanes, sum[v]);
}

template <Precision precision, int vectors>
SPLITMASK_INLINE void scoresOfVectors(const Heads& shape, const Rows& keys, const float* queries, float* scores,
                                      PanelNumbers& largest, PanelNumbers& sums, FetchAhead* ahead) {
  for (int v = 0; v < vectors; ++v) store(largest.of + v * lanes, broadcast(-__builtin_inff()));
  overTiles<ScoreTile<vectors, innerStep<precision>>>(shape.tokens, [&](int64 key, auto kernel) {
    kernel(packedElements<precision>(shape.width), keys.of + key * keys.stride, keys.stride, queries,
           {scores + key * tileColumns, largest.of, shape.scale * binaryLogarithmOfE, ahead});
  });
  exponentiatePanel<precision, vectors>(scores, shape.tokens, largest, sums);
}

// For `count` (1 … tileColumns) queries, rows of qkv, and all keys: scores[key][query] = 2^(score − largest), packed
// across the keys, and the sums of these. packedQueries: room for packedElements(width)·tileColumns floats.
template <Precision precision>
SPLITMASK_INLINE void exponentialsOfPanel(const Heads& shape, const float* queries, int64 count, const Rows& keys,
                                          float* packedQueries, float* scores, PanelNumbers& largest,
                                          PanelNumbers& sums, FetchAhead* ahead) {
  packTransposedColumns<precision>(packedQueries, queries, shape.packedRow(), shape.width, count);
  if (count <= lanes)
    scoresOfVectors<precision, 1>(shape, keys, packedQueries, scores, largest, sums, ahead);
  else
    scoresOfVectors<precision, 2>(shape, keys, packedQueries, scores, largest, sums, ahead);
}

}  // namespace splitmask::SPLITMASK_SET
