// One product as its tiles see it: where the operands lie, how they are packed, and the computation of a block of the
// output from packed b. Who computes which block is decided elsewhere.
#pragma once
#include "fetchAhead.h"
#include "gemmBlock.h"
#include "maths.h"

namespace splitmask::SPLITMASK_SET {

// Depth of a block of k: a panel of b of this depth and one of a together stay in the first two cache levels. It is the
// same in every set, because each block is a sum of its own; a set that holds bfloat16 as pairs has 384 packed elements
// of both.
template <Precision precision> constexpr int64 blockInner = precision == Precision::bfloat16 ? 768 : 384;
// Rows of a tile: its block of a (rows × blockInner) takes at most a sixth of a second-level cache of 0.5 to 2 MB.
inline int64 blockRowsOf(const CacheSizes& caches) { return maximum(4, minimum(16, caches.second >> 17)) * tileRows; }
// Columns: a multiple of the rows.
constexpr int64 blockPanels = 32;
// Lines so far apart, a way of the first-level cache, share one set of it; otherwise a is read where it lies.
constexpr int64 wayFloats = 1024;
// Panels of b that are packed together: lines of b are then read in runs of a kilobyte.
constexpr int64 packedTogether = 8;

template <Precision precision> struct Product {
  int64 m, n, k;
  const float *a, *b;
  int64 aLeading, bLeading, outputLeading;
  bool transposeA, transposeB;
  float alpha, beta;
  float* output;
  const float *bias, *residual, *preActivation;
  bool activateA, activateB;
  // The blocks of k that lie packed at present.
  int64 firstBlock = 0, lastBlock = 1;

  int64 panels() const { return divideUp(n, tileColumns); }
  // A block of k, in steps (an even number, so that blocks cut no pair) and in packed elements.
  int64 innerDepth() const { return divideUp(divideUp(k, maximum(1, divideUp(k, blockInner<precision>))), 2) * 2; }
  int64 innerBlocks() const { return maximum(1, divideUp(k, maximum(1, innerDepth()))); }
  int64 elements(int64 depth) const { return divideUp(depth, innerStep<precision>); }
  int64 panelHeight() const { return evenHeight(m); }
  // From one packed panel of b to the next, and all that lie packed, in floats.
  int64 packedPanelStride() const { return panelStride(elements(innerDepth()) * tileColumns); }
  int64 packedSize() const { return (lastBlock - firstBlock) * panels() * packedPanelStride(); }
};

// Panel `panel` of packed b in block `block` of k. Layout of packed b: blocks of k, in each the panels
// [element][tileColumns].
template <Precision precision>
float* packedPanel(const Product<precision>& p, float* packed, int64 block, int64 panel) {
  return packed + ((block - p.firstBlock) * p.panels() + panel) * p.packedPanelStride();
}

// Panels [first, last) of block `block` of k.
template <Precision precision, bool activate>
void packPanelsOfB(const Product<precision>& p, float* packed, int64 block, int64 first, int64 last) {
  const int64 start = block * p.innerDepth(), depth = minimum(p.innerDepth(), p.k - start),
              column = first * tileColumns;
  const int64 columns = minimum(last * tileColumns, p.n) - column;
  float* to = packedPanel(p, packed, block, first);
  if (p.transposeB) {
    packTransposedPanels<precision, activate>(to, p.packedPanelStride(), p.b + column * p.bLeading + start, p.bLeading,
                                              depth, columns);
  } else {
    packPanels<precision, activate>(to, p.packedPanelStride(), p.b + start * p.bLeading + column, p.bLeading, depth,
                                    columns);
  }
}
template <Precision precision>
void packB(const Product<precision>& p, float* packed, int64 block, int64 first, int64 last) {
  if (p.activateB)
    packPanelsOfB<precision, true>(p, packed, block, first, last);
  else
    packPanelsOfB<precision, false>(p, packed, block, first, last);
}

// Rows [row, row + rows) of block `block` of k.
template <Precision precision, bool activate>
void packRowsOfA(const Product<precision>& p, float* packed, int64 block, int64 row, int64 rows) {
  const int64 start = block * p.innerDepth(), depth = minimum(p.innerDepth(), p.k - start);
  if (p.transposeA) {
    packTransposedRows<precision, activate>(packed, p.panelHeight(), p.a + start * p.aLeading + row, p.aLeading, rows,
                                            depth, p.m - row);
  } else {
    packRows<precision, activate>(packed, packedStride(p.elements(depth)), p.a + row * p.aLeading + start, p.aLeading,
                                  rows, depth);
  }
}
template <Precision precision>
void packA(const Product<precision>& p, float* packed, int64 block, int64 row, int64 rows) {
  if (p.activateA)
    packRowsOfA<precision, true>(p, packed, block, row, rows);
  else
    packRowsOfA<precision, false>(p, packed, block, row, rows);
}

// output = tile∘gelu′(preActivation) + residual of a tile that lies there; before the last block of k the sums so far
// lie in the output.
template <Precision precision> void finishTile(const Product<precision>& p, const float* tile, int64 row, int64 rows,
                                               int64 column, int columns, bool addOutput) {
  // With `take` and `put` for whole vectors: stores with a mask take many times as long on some CPUs.
  const auto finish = [&](int64 i, int v, const auto& take, const auto& put) {
    const int64 place = (row + i) * p.outputLeading + column + v * lanes;
    Vector value = load(tile + i * tileColumns + v * lanes);
    if (addOutput) value += take(p.output + place);
    value *= geluDerivative(take(p.preActivation + place));
    if (p.residual) value += take(p.residual + place);
    put(p.output + place, value);
  };
  const int whole = columns / lanes, rest = columns % lanes;
  for (int64 i = 0; i < rows; ++i) {
    for (int v = 0; v < whole; ++v) {
      finish(i, v, [](const float* from) { return load(from); }, [](float* to, Vector value) { store(to, value); });
    }
    if (rest == 0) continue;
    finish(
        i, whole, [&](const float* from) { return loadPartial(from, rest); },
        [&](float* to, Vector value) { storePartial(to, value, rest); });
  }
}

// Floats that a tile of `rows` rows needs for its block of a and for one micro-tile.
template <Precision precision> int64 privateSize(const Product<precision>& p, int64 rows) {
  const int64 height = p.panelHeight(), depth = p.elements(p.innerDepth());
  const int64 packedA =
      p.transposeA ? divideUp(rows, height) * panelStride(panelWidth(height) * depth) : rows * packedStride(depth);
  return divideUp(packedA + tileRows * tileColumns, 16) * 16;
}

// Where rows [row, row + rows) of block `block` of k of a lie, and where a share of that block of b does.
template <Precision precision>
void addRowsOfA(FetchAhead& ahead, const Product<precision>& p, int64 block, int64 row, int64 rows) {
  const int64 start = block * p.innerDepth(), depth = minimum(p.innerDepth(), p.k - start);
  rows = minimum(rows, p.m - row);
  if (p.transposeA)
    ahead.add(p.a + start * p.aLeading + row, p.aLeading, depth, rows);
  else
    ahead.add(p.a + row * p.aLeading + start, p.aLeading, rows, depth);
}
template <Precision precision>
void addShareOfB(FetchAhead& ahead, const Product<precision>& p, int64 block, int64 share, int64 shares) {
  const int64 start = block * p.innerDepth(), depth = minimum(p.innerDepth(), p.k - start);
  const int64 lines = p.transposeB ? p.n : depth, first = lines * share / shares, end = lines * (share + 1) / shares;
  if (p.transposeB)
    ahead.add(p.b + first * p.bLeading + start, p.bLeading, end - first, depth);
  else
    ahead.add(p.b + (start + first) * p.bLeading, p.bLeading, end - first, p.n);
}

// Which task of how many a block is, and the rows of the task that is likely to follow in the same thread (none where
// they lie behind the last).
struct Sequel {
  int64 row = 0, task = 0, tasks = 1;
};

// Rows [rowStart, rowEnd) × panels [panelStart, panelEnd) of the output, from packed b.
template <Precision precision> void computeBlock(const Product<precision>& p, float* packed, int64 rowStart,
                                                 int64 rowEnd, int64 panelStart, int64 panelEnd, float* scratch,
                                                 const Sequel& sequel) {
  float* tile = scratch;
  float* packedA = scratch + tileRows * tileColumns;
  const int64 height = p.panelHeight(), rows = rowEnd - rowStart;
  const int64 rest = rows % height;
  const Layout layout = p.transposeA ? Layout::byInner : Layout::byRow;
  for (int64 block = p.firstBlock; block < p.lastBlock; ++block) {
    const int64 start = block * p.innerDepth(), depth = minimum(p.innerDepth(), p.k - start);
    const int64 elements = p.elements(depth);
    const bool last = block + 1 == p.innerBlocks();
    const float beta = block == 0 ? p.beta : 1.0f;
    const float* a = packedA;
    int64 aStride = p.transposeA ? panelWidth(height) : packedStride(elements);        // between inner indices or rows
    int64 aPanel = p.transposeA ? panelStride(aStride * elements) : aStride * height;  // between panels
    // Lines of a transposed a are shorter than those of the cache where a panel has few rows: packed they are read
    // once.
    const bool liesWell = p.aLeading % wayFloats != 0 && (!p.transposeA || panelWidth(height) >= 16);
    if (precision == Precision::float32 && !p.activateA && liesWell) {
      a = p.a + (p.transposeA ? start * p.aLeading + rowStart : rowStart * p.aLeading + start);
      aStride = p.aLeading;
      aPanel = p.transposeA ? height : height * aStride;
    } else {
      packA(p, packedA, block, rowStart, rows);
    }
    FetchAhead ahead(divideUp(rows, height) * (panelEnd - panelStart) * fetchesPerTile(elements));
    if (block + 1 < p.lastBlock)
      addRowsOfA(ahead, p, block + 1, rowStart, rows);
    else if (sequel.row < p.m)
      addRowsOfA(ahead, p, p.firstBlock, sequel.row, rows);
    const int64 packedNext = block + p.lastBlock - p.firstBlock;
    if (packedNext < p.innerBlocks()) addShareOfB(ahead, p, packedNext, sequel.task, sequel.tasks);
    for (int64 panel = panelStart; panel < panelEnd; ++panel) {
      const int64 column = panel * tileColumns;
      const int columns = static_cast<int>(minimum(tileColumns, p.n - column));
      const float* b = packedPanel(p, packed, block, panel);
      const TileKernel full = tileKernel<precision>(static_cast<int>(height), columns, layout);
      for (int64 row = 0; row < rows; row += height) {
        const int64 count = minimum(height, rows - row);
        const TileKernel kernel =
            count == height ? full : tileKernel<precision>(static_cast<int>(rest), columns, layout);
        float* output = p.output + (rowStart + row) * p.outputLeading + column;
        const float* left = a + row / height * aPanel;
        if (last && p.preActivation) {
          const float* z = p.preActivation + (output - p.output);
          const float* bias = p.bias ? p.bias + column : nullptr;
          kernel(elements, left, aStride, b, tileColumns,
                 {tile, tileColumns, columns, p.alpha, 0.0f, bias, nullptr, output, z, p.outputLeading, &ahead});
          finishTile(p, tile, rowStart + row, count, column, columns, block > 0);
        } else {
          const float* bias = last && p.bias ? p.bias + column : nullptr;
          const float* residual = last && p.residual ? p.residual + (output - p.output) : nullptr;
          kernel(elements, left, aStride, b, tileColumns,
                 {output, p.outputLeading, columns, p.alpha, beta, bias, residual, output, residual, p.outputLeading,
                  &ahead});
        }
      }
    }
  }
}

}  // namespace splitmask::SPLITMASK_SET
