// Scores of the last few queries, which do not fill a vector: laid out [query][key], one key a lane, as dot products of
// rows. A panel of queries with most lanes empty would cost as much as a full one.
#pragma once
#include "attentionBlock.h"

namespace splitmask::SPLITMASK_SET {

// At most this many queries are cheaper by themselves than in a panel's vector.
constexpr int64 fewQueries = lanes / 3;
// The number of queries that whole vectors leave over, if it is small enough for that; else 0.
SPLITMASK_INLINE int64 fewOf(int64 queries) { return queries % lanes <= fewQueries ? queries % lanes : 0; }

// Lane i: the sum of the lanes of rows[i].
SPLITMASK_INLINE Vector sumsOfRows(Vector (&rows)[lanes]) {
#define SPLITMASK_FOLD(size)                                             \
  if constexpr (size < lanes) {                                          \
    _Pragma("GCC unroll 16") for (int i = 0; i < lanes; i += 2 * size) { \
      exchange<size>(rows[i], rows[i + size]);                           \
      rows[i] += rows[i + size];                                         \
    }                                                                    \
  }
  SPLITMASK_FOLD(1)
  SPLITMASK_FOLD(2)
  SPLITMASK_FOLD(4)
  SPLITMASK_FOLD(8)
#undef SPLITMASK_FOLD
  return rows[0];
}

// Dot products of a query and `count` (up to `lanes`) rows of keys, one a lane; zeros in the other lanes.
template <int64 step>
SPLITMASK_INLINE Vector productsOfRows(int64 elements, const float* query, const Rows& keys, int64 first, int64 count) {
  Vector sums[lanes] = {};
  const float* line = keys.of + first * keys.stride;
  if (count >= lanes && elements % lanes == 0) {
    for (int64 k = 0; k < elements; k += lanes) {
      const Vector right = load(query + k);
#pragma GCC unroll 16
      for (int i = 0; i < lanes; ++i) multiplyAdd<step>(sums[i], load(line + i * keys.stride + k), right);
    }
  } else {
    for (int64 k = 0; k < elements; k += lanes) {
      const Vector right = loadFirst(query + k, elements - k);
#pragma GCC unroll 16
      for (int i = 0; i < lanes; ++i) {
        if (i < count) multiplyAdd<step>(sums[i], loadFirst(line + i * keys.stride + k, elements - k), right);
      }
    }
  }
  return sumsOfRows(sums);
}

}  // namespace splitmask::SPLITMASK_SET
