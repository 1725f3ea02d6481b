// What attention, its probabilities and its gradient share: where a head's rows lie, which thread does which head, and
// the scores of a panel of queries. Scores are computed transposed, [key][tileColumns queries]: a query is a lane, so
// that maxima and sums over keys need no step across lanes, and what multiplies the values is read as the GEMM's
// micro-kernel reads a transposed operand.
#pragma once
#include "../parallel.h"
#include "fetchAhead.h"
#include "gemmBlock.h"
#include "maths.h"

namespace splitmask::SPLITMASK_SET {

struct Heads {
  int64 batch, tokens, heads, width;
  float scale;
  template <class Attention> explicit Heads(const Attention& call)
      : batch(call.batch),
        tokens(call.tokens),
        heads(call.heads),
        width(call.headWidth),
        scale(static_cast<float>(call.scale)) {}
  int64 count() const { return tokens > 0 ? batch * heads : 0; }
  // Of (sample, head) number `head`: where q, k, v (part 0, 1, 2) begin in B×N×3×H×d, rows packedRow() apart; where it
  // begins in B×N×H×d.
  int64 packed(int64 head, int64 part) const {
    return ((head / heads * tokens * 3 + part) * heads + head % heads) * width;
  }
  int64 packedRow() const { return 3 * heads * width; }
  int64 merged(int64 head) const { return (head / heads * tokens * heads + head % heads) * width; }
  int64 mergedRow() const { return heads * width; }
};

// Scores are kept in units of ln 2, for 2^x.
constexpr float binaryLogarithmOfE = 1.44269504f;
constexpr float naturalLogarithmOf2 = 0.693147181f;

// Fetches what follows head `head` of those up to `end`, while that is computed in `steps` steps. Of small samples that
// is a share of the sample that follows, in the order of memory; of large ones the rows of the next head, which are
// short and far apart, so that the hardware's prefetcher does not see them coming.
class NextHead {
 public:
  NextHead(const Heads& shape, int64 head, int64 end, int64 steps)
      : shape_(shape),
        head_(head),
        whole_(shape.tokens * shape.packedRow() <= 48 << 10),
        follows_(head + (whole_ ? shape.heads : 1) < end),
        ahead_(steps, whole_ ? FetchInto::secondLevel : FetchInto::firstLevel) {}
  // A buffer of `parts` parts a token: 3 of qkv, 1 of what the heads give.
  void add(const float* buffer, int64 parts) {
    if (!follows_) return;
    const int64 heads = shape_.heads, tokens = shape_.tokens, width = shape_.width, row = parts * heads * width;
    if (whole_) {
      const int64 share = parts * tokens * width;
      ahead_.add(buffer + (head_ / heads + 1) * tokens * row + head_ % heads * share, share, 1, share);
      return;
    }
    const int64 next = head_ + 1;
    const float* sample = buffer + next / heads * tokens * row;
    for (int64 part = 0; part < parts; ++part)
      ahead_.add(sample + (part * heads + next % heads) * width, row, tokens, width);
  }
  inline __attribute__((always_inline)) void step() { ahead_.step(); }

 private:
  const Heads& shape_;
  int64 head_;
  bool whole_, follows_;
  FetchAhead ahead_;
};

// body(head, thread, end) for every (sample, head), and the end of those that follow each other in the same thread.
template <class Body> SPLITMASK_INLINE void forEachHead(const Call& call, const Heads& shape, const Body& body) {
  const int64 count = shape.count();
  if (count == 0) return;
  // Whole samples where that leaves 32 tasks or more, and so many that they are worth handing to a thread.
  const int64 unit = count >= 32 * shape.heads ? shape.heads : 1;
  const int64 work = shape.tokens * shape.tokens * shape.width;
  const int64 together = unit * maximum(1, minimum((1 << 23) / maximum(1, work), count / 32) / unit);
  parallelFor(call, divideUp(count, together), [&](int64 group, int thread) {
    const int64 end = minimum(count, (group + 1) * together);
    for (int64 head = group * together; head < end; ++head) body(head, thread, end);
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
  template <int rows> static void run(int64 width, const float* keys, int64 stride, const float* queries, float factor,
                                      float* scores, float* largest) {
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

// Keys whose exponentials are one step.
constexpr int64 keysOfStep = 32;

// Scores, still unnormalized, become 2^(score − largest); their sums over the keys.
template <int vectors, class Between>
SPLITMASK_INLINE void exponentiatePanel(float* scores, int64 tokens, const PanelNumbers& largest, PanelNumbers& sums,
                                        const Between& between) {
  Vector top[vectors], sum[vectors];
#pragma GCC unroll 4
  for (int v = 0; v < vectors; ++v) {
    top[v] = load(largest.of + v * lanes);
    sum[v] = Vector{};
  }
  for (int64 first = 0; first < tokens; first += keysOfStep) {
    const int64 end = minimum(tokens, first + keysOfStep);
    for (int64 key = first; key < end; ++key) {
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) {
        float* place = scores + key * tileColumns + v * lanes;
        const Vector e = powerOf2OfNegative(load(place) - top[v]);
        store(place, e);
        sum[v] += e;
      }
    }
    between();
  }
#pragma GCC unroll 4
  for (int v = 0; v < vectors; ++v) store(sums.of + v * lanes, sum[v]);
}

template <int vectors, class Between>
SPLITMASK_INLINE void scoresOfVectors(const Heads& shape, const float* keys, const float* queries, float* scores,
                                      PanelNumbers& largest, PanelNumbers& sums, const Between& between) {
  for (int v = 0; v < vectors; ++v) store(largest.of + v * lanes, broadcast(-__builtin_inff()));
  const int64 stride = shape.packedRow();
  overTiles<ScoreTile<vectors>>(shape.tokens, [&](int64 key, auto kernel) {
    kernel(shape.width, keys + key * stride, stride, queries, shape.scale * binaryLogarithmOfE,
           scores + key * tileColumns, largest.of);
    between();
  });
  exponentiatePanel<vectors>(scores, shape.tokens, largest, sums, between);
}

// Of `count` (1 … tileColumns) queries, rows of qkv, against all keys: scores[key][query] = 2^(score − largest) and the
// sums of these. packedQueries: room for width·tileColumns floats. between() is called after each tile.
template <class Between> SPLITMASK_INLINE void exponentialsOfPanel(const Heads& shape, const float* queries,
                                                                   int64 count, const float* keys, float* packedQueries,
                                                                   float* scores, PanelNumbers& largest,
                                                                   PanelNumbers& sums, const Between& between) {
  packTransposedColumns(packedQueries, queries, shape.packedRow(), shape.width, count);
  if (count <= lanes)
    scoresOfVectors<1>(shape, keys, packedQueries, scores, largest, sums, between);
  else
    scoresOfVectors<2>(shape, keys, packedQueries, scores, largest, sums, between);
}

// As packPanels, but a panel after the other: for the short blocks of a head the line order and its prefetches cost
// more than they win.
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
    for (int v = 0; v < tileVectors; ++v)
      store(to + v * lanes, loadFirst(from + i * stride + column + v * lanes, columns - column - v * lanes));
  }
}

}  // namespace splitmask::SPLITMASK_SET
