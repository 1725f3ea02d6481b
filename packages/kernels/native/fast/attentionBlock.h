// What attention, its probabilities and its gradient share: where a head's rows lie, which thread does which head, and the scores of a panel of queries.
// Scores are computed transposed, [key][tileColumns queries]: a query is a lane, so that maxima and sums over keys need no step across lanes, and
// what multiplies the values is read as the GEMM's micro-kernel reads a transposed operand.
#pragma once
#include "../parallel.h"
#include "gemmBlock.h"
#include "maths.h"

namespace splitmask::SPLITMASK_SET {

struct Heads {
  int64 batch, tokens, heads, width;
  float scale;
  explicit Heads(const Call& call)
      : batch(call.integer(0)), tokens(call.integer(1)), heads(call.integer(2)), width(call.integer(3)),
        scale(static_cast<float>(call.number(4))) {}
  int64 count() const { return tokens > 0 && width > 0 ? batch * heads : 0; }
  // Of (sample, head) number `head`: where q, k, v (part 0, 1, 2) begin in B×N×3×H×d, rows packedRow() apart; where it begins in B×N×H×d.
  int64 packed(int64 head, int64 part) const { return ((head / heads * tokens * 3 + part) * heads + head % heads) * width; }
  int64 packedRow() const { return 3 * heads * width; }
  int64 merged(int64 head) const { return (head / heads * tokens * heads + head % heads) * width; }
  int64 mergedRow() const { return heads * width; }
};

// Scores are kept in units of ln 2, for 2^x.
constexpr float binaryLogarithmOfE = 1.44269504f;
constexpr float naturalLogarithmOf2 = 0.693147181f;

// Fetches the rows of the head that comes next into the second-level cache, some at each call: they are short and far apart, which the
// hardware's prefetcher does not see through, and all at once would wait for each other.
class RowsAhead {
 public:
  RowsAhead(int64 tokens, int64 width, int64 steps) : tokens_(tokens), width_(width), each_(divideUp(tokens, maximum(1, steps))) {}
  void add(const float* rows, int64 stride) {
    rows_[count_] = rows;
    strides_[count_++] = stride;
  }
  inline __attribute__((always_inline)) void step() {
    for (int64 end = minimum(next_ + each_, tokens_); next_ < end; ++next_) {
      for (int i = 0; i < count_; ++i) {
        for (int64 j = 0; j < width_; j += 16) __builtin_prefetch(rows_[i] + next_ * strides_[i] + j, 0, 2);
      }
    }
  }

 private:
  const float* rows_[8];
  int64 strides_[8];
  int count_ = 0;
  int64 tokens_, width_, each_, next_ = 0;
};

// body(head, thread, next) for every (sample, head); `next` is the one that the same thread does afterwards, −1 after the last.
template <class Body> SPLITMASK_INLINE void forEachHead(const Call& call, const Heads& shape, const Body& body) {
  const int64 count = shape.count();
  if (count == 0) return;
  // So many that follow each other are worth handing to a thread, but 32 or more tasks where there are heads enough.
  const int64 work = shape.tokens * shape.tokens * shape.width;
  const int64 together = maximum(1, minimum((1 << 23) / work, count / 32));
  parallelFor(call, divideUp(count, together), [&](int64 group, int thread) {
    const int64 end = minimum(count, (group + 1) * together);
    for (int64 head = group * together; head < end; ++head) body(head, thread, head + 1 < end ? head + 1 : -1);
  });
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

// scores[key][query] = factor·k·q; raises `largest` to the largest of each query.
template <int vectors> struct ScoreTile {
  template <int rows>
  static void run(int64 width, const float* keys, int64 stride, const float* queries, float factor, float* scores, float* largest) {
    Vector sums[rows][vectors];
    multiplyTile<rows, vectors, Layout::byRow, 1>(width, keys, stride, queries, tileColumns, sums);
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) {
      Vector top = load(largest + v * lanes);
#pragma GCC unroll 16
      for (int i = 0; i < rows; ++i) {
        const Vector score = sums[i][v] * factor;
        store(scores + i * tileColumns + v * lanes, score);
        top = maximum(score, top);
      }
      store(largest + v * lanes, top);
    }
  }
};

// Scores, still unnormalised, become 2^(score − largest); their sums over the keys.
template <int vectors> SPLITMASK_INLINE void exponentiatePanel(float* scores, int64 tokens, const PanelNumbers& largest, PanelNumbers& sums) {
  Vector top[vectors], sum[vectors];
#pragma GCC unroll 4
  for (int v = 0; v < vectors; ++v) {
    top[v] = load(largest.of + v * lanes);
    sum[v] = Vector{};
  }
  for (int64 key = 0; key < tokens; ++key) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) {
      float* place = scores + key * tileColumns + v * lanes;
      const Vector e = powerOf2OfNegative(load(place) - top[v]);
      store(place, e);
      sum[v] += e;
    }
  }
#pragma GCC unroll 4
  for (int v = 0; v < vectors; ++v) store(sums.of + v * lanes, sum[v]);
}

template <int vectors, class Between>
SPLITMASK_INLINE void scoresOfVectors(
    const Heads& shape, const float* keys, const float* queries, float* scores, PanelNumbers& largest, PanelNumbers& sums,
    const Between& between) {
  for (int v = 0; v < vectors; ++v) store(largest.of + v * lanes, broadcast(-__builtin_inff()));
  const int64 stride = shape.packedRow();
  overTiles<ScoreTile<vectors>>(shape.tokens, [&](int64 key, auto kernel) {
    kernel(
        shape.width, keys + key * stride, stride, queries, shape.scale * binaryLogarithmOfE, scores + key * tileColumns, largest.of);
    between();
  });
  exponentiatePanel<vectors>(scores, shape.tokens, largest, sums);
}

// Of `count` (1 … tileColumns) queries, rows of qkv, against all keys: scores[key][query] = 2^(score − largest) and the sums of these.
// packedQueries: room for width·tileColumns floats. between() is called after each tile.
template <class Between>
SPLITMASK_INLINE void exponentialsOfPanel(
    const Heads& shape, const float* queries, int64 count, const float* keys, float* packedQueries, float* scores,
    PanelNumbers& largest, PanelNumbers& sums, const Between& between) {
  packTransposedColumns(packedQueries, queries, shape.packedRow(), shape.width, count);
  if (count <= lanes) scoresOfVectors<1>(shape, keys, packedQueries, scores, largest, sums, between);
  else scoresOfVectors<2>(shape, keys, packedQueries, scores, largest, sums, between);
}

// Panels [panel][row][tileColumns] of rows that lie `stride` apart.
SPLITMASK_INLINE void packRowPanels(float* to, const float* from, int64 stride, int64 rows, int64 columns) {
  int64 column = 0;
  for (; column + tileColumns <= columns; column += tileColumns) {
    for (int64 i = 0; i < rows; ++i, to += tileColumns) {
#pragma GCC unroll 4
      for (int v = 0; v < tileVectors; ++v) store(to + v * lanes, load(from + i * stride + column + v * lanes));
    }
  }
  if (column == columns) return;
  for (int64 i = 0; i < rows; ++i, to += tileColumns) {
    for (int v = 0; v < tileVectors; ++v) store(to + v * lanes, loadFirst(from + i * stride + column + v * lanes, columns - column - v * lanes));
  }
}

}  // namespace splitmask::SPLITMASK_SET
