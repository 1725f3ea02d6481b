// One product: where its operands lie, how they are packed, and the computation of a block of the output from packed b.
// Which thread computes which block is decided by the kernels that use it.
#pragma once
#include "fetchAhead.h"
#include "gemmBlock.h"
#include "maths.h"

namespace splitmask::SPLITMASK_SET {

// Depth of a block of k: a panel of b of this depth and one of a together stay in the first two cache levels. It is the
// same in every set, because each block is a sum of its own. A set that holds bfloat16 as pairs has 384 packed elements
// a block in either precision.
template <Precision precision> constexpr int64 blockInner = precision == Precision::bfloat16 ? 768 : 384;
// Rows of a tile: its block of a (rows × blockInner) takes at most a sixth of a second-level cache of 0.5 to 2 MB.
inline int64 blockRowsOf(const CacheSizes& caches) { return maximum(4, minimum(16, caches.second >> 17)) * tileRows; }
// Panels of a tile: it has several times as many columns as rows.
constexpr int64 blockPanels = 32;
// Lines whose distance is a multiple of a way of the first-level cache share one set of it; such an a is packed.
constexpr int64 wayFloats = 1024;
// Panels of b that are packed together: lines of b are then read in runs of a kilobyte.
constexpr int64 packedTogether = 8;

// Where element `index` of an array of float or Bfloat16 lies.
SPLITMASK_INLINE const float* elementAt(const float* array, bool isBfloat16, int64 index) {
  return isBfloat16 ? reinterpret_cast<const float*>(reinterpret_cast<const Bfloat16*>(array) + index) : array + index;
}
SPLITMASK_INLINE float* elementAt(float* array, bool isBfloat16, int64 index) {
  return const_cast<float*>(elementAt(const_cast<const float*>(array), isBfloat16, index));
}

template <Precision precision> struct Product {
  int64 m, n, k;
  const float *a, *b;
  int64 aLeading, bLeading, outputLeading;
  bool transposeA, transposeB;
  float alpha, beta;
  float* output;
  const float *bias, *residual, *preActivation;
  bool activateA, activateB;
  // Whether the pointer to float points to Bfloat16.
  bool aIsBfloat16 = false, bIsBfloat16 = false, outputIsBfloat16 = false;
  // Only for an output in bfloat16, for which beta is 0: a factor, whether GELU is applied, and where GELU's derivative
  // is written. Both arrays have the output's layout and may be null.
  const Bfloat16* factor = nullptr;
  bool activated = false;
  Bfloat16* derivative = nullptr;
  // The blocks of k that are packed at present.
  int64 firstBlock = 0, lastBlock = 1;

  int64 panels() const { return divideUp(n, tileColumns); }
  // A block of k, in steps (an even number, so that blocks cut no pair) and in packed elements. All of k where the
  // output could not hold the sum of the first blocks without rounding it.
  int64 innerDepth() const {
    const int64 blocks = outputIsBfloat16 ? 1 : maximum(1, divideUp(k, blockInner<precision>));
    return divideUp(divideUp(k, blocks), 2) * 2;
  }
  int64 innerBlocks() const { return maximum(1, divideUp(k, maximum(1, innerDepth()))); }
  int64 elements(int64 depth) const { return packedElements<precision>(depth); }
  int64 panelHeight() const { return evenHeight(m); }
  // The distance between packed panels of b, and the size of all packed ones, in floats.
  int64 packedPanelStride() const { return panelStride(elements(innerDepth()) * tileColumns); }
  int64 packedSize() const { return (lastBlock - firstBlock) * panels() * packedPanelStride(); }
};

// Panel `panel` of packed b in block `block` of k. Layout of packed b: blocks of k, in each the panels
// [element][tileColumns].
template <Precision precision>
float* packedPanel(const Product<precision>& p, float* packed, int64 block, int64 panel) {
  return packed + ((block - p.firstBlock) * p.panels() + panel) * p.packedPanelStride();
}

// Calls pack(elements, activate) for an operand, with a pointer of its element type, and as a type whether GELU of the
// elements is packed.
struct Activate {
  static constexpr bool value = true;
};
struct TakeAsTheyAre {
  static constexpr bool value = false;
};
template <Precision precision, class Pack>
SPLITMASK_INLINE void packOperand(const float* operand, bool isBfloat16, bool activate, const Pack& pack) {
  if constexpr (precision == Precision::bfloat16) {
    if (isBfloat16) return pack(reinterpret_cast<const Bfloat16*>(operand), TakeAsTheyAre{});
  }
  if (activate)
    pack(operand, Activate{});
  else
    pack(operand, TakeAsTheyAre{});
}

// Panels [first, last) of block `block` of k.
template <Precision precision>
void packB(const Product<precision>& p, float* packed, int64 block, int64 first, int64 last) {
  const int64 start = block * p.innerDepth(), depth = minimum(p.innerDepth(), p.k - start),
              column = first * tileColumns;
  const int64 columns = minimum(last * tileColumns, p.n) - column;
  float* to = packedPanel(p, packed, block, first);
  packOperand<precision>(p.b, p.bIsBfloat16, p.activateB, [&](const auto* b, auto activate) {
    if (p.transposeB) {
      packTransposedPanels<precision, activate.value>(to, p.packedPanelStride(), b + column * p.bLeading + start,
                                                      p.bLeading, depth, columns);
    } else {
      packPanels<precision, activate.value>(to, p.packedPanelStride(), b + start * p.bLeading + column, p.bLeading,
                                            depth, columns);
    }
  });
}

// Rows [row, row + rows) of block `block` of k.
template <Precision precision>
void packA(const Product<precision>& p, float* packed, int64 block, int64 row, int64 rows) {
  const int64 start = block * p.innerDepth(), depth = minimum(p.innerDepth(), p.k - start);
  packOperand<precision>(p.a, p.aIsBfloat16, p.activateA, [&](const auto* a, auto activate) {
    if (p.transposeA) {
      packTransposedRows<precision, activate.value>(packed, p.panelHeight(), a + start * p.aLeading + row, p.aLeading,
                                                    rows, depth, p.m - row);
    } else {
      packRows<precision, activate.value>(packed, packedStride(p.elements(depth)), a + row * p.aLeading + start,
                                          p.aLeading, rows, depth);
    }
  });
}

// Finishes a tile that is in memory already, with alpha and bias: · GELU′(preActivation), · factor, + residual, GELU.
// Before the last block of k the output holds the sums so far.
template <class T, Precision precision> void finishTile(const Product<precision>& p, const float* tile, int64 row,
                                                        int64 rows, int64 column, int columns, bool addOutput) {
  T* outputs = reinterpret_cast<T*>(p.output);
  // `take` and `put` handle whole vectors separately, because masked stores take many times as long on some CPUs.
  const auto finish = [&](int64 i, int v, const auto& take, const auto& put) {
    const int64 place = (row + i) * p.outputLeading + column + v * lanes;
    Vector value = load(tile + i * tileColumns + v * lanes);
    if (addOutput) value += take(outputs + place);
    if (p.preActivation) value *= geluDerivative(take(p.preActivation + place));
    if (isBfloat16<T> && p.factor) value *= take(p.factor + place);
    if (p.residual) value += take(p.residual + place);
    if (isBfloat16<T> && p.activated) {
      const GeluAndDerivative<Vector> both = geluAndDerivative(value);
      value = both.value;
      if (p.derivative) put(p.derivative + place, both.derivative);
    }
    put(outputs + place, value);
  };
  const int whole = columns / lanes, rest = columns % lanes;
  for (int64 i = 0; i < rows; ++i) {
    for (int v = 0; v < whole; ++v) {
      finish(i, v, [](const auto* from) { return load(from); }, [](auto* to, Vector value) { store(to, value); });
    }
    if (rest == 0) continue;
    finish(
        i, whole, [&](const auto* from) { return loadPartial(from, rest); },
        [&](auto* to, Vector value) { storePartial(to, value, rest); });
  }
}

// Floats that a tile of `rows` rows needs for its block of a and for one micro-tile.
template <Precision precision> int64 privateSize(const Product<precision>& p, int64 rows) {
  const int64 height = p.panelHeight(), depth = p.elements(p.innerDepth());
  const int64 packedA =
      p.transposeA ? divideUp(rows, height) * panelStride(panelWidth(height) * depth) : rows * packedStride(depth);
  return divideUp(packedA + tileRows * tileColumns, 16) * 16;
}

// How many whole words of 32 bits so many elements of an array take.
SPLITMASK_INLINE int64 wordsOf(int64 elements, bool isBfloat16) { return isBfloat16 ? elements / 2 : elements; }

// Add to what is prefetched: rows [row, row + rows) of block `block` of k of a, and a share of that block of b.
template <Precision precision>
void addRowsOfA(FetchAhead& ahead, const Product<precision>& p, int64 block, int64 row, int64 rows) {
  const int64 start = block * p.innerDepth(), depth = minimum(p.innerDepth(), p.k - start);
  rows = minimum(rows, p.m - row);
  const int64 first = p.transposeA ? start * p.aLeading + row : row * p.aLeading + start;
  const int64 lines = p.transposeA ? depth : rows, width = p.transposeA ? rows : depth;
  ahead.add(elementAt(p.a, p.aIsBfloat16, first), wordsOf(p.aLeading, p.aIsBfloat16), lines,
            wordsOf(width, p.aIsBfloat16));
}
template <Precision precision>
void addShareOfB(FetchAhead& ahead, const Product<precision>& p, int64 block, int64 share, int64 shares) {
  const int64 start = block * p.innerDepth(), depth = minimum(p.innerDepth(), p.k - start);
  const int64 lines = p.transposeB ? p.n : depth, first = lines * share / shares, end = lines * (share + 1) / shares;
  const int64 place = p.transposeB ? first * p.bLeading + start : (start + first) * p.bLeading;
  ahead.add(elementAt(p.b, p.bIsBfloat16, place), wordsOf(p.bLeading, p.bIsBfloat16), end - first,
            wordsOf(p.transposeB ? depth : p.n, p.bIsBfloat16));
}

// Which task of how many a block is, and the first row of the task that is likely to follow in the same thread (beyond
// the last row: none follows).
struct Sequel {
  int64 row = 0, task = 0, tasks = 1;
};

// Whether the tiles read a where it lies: as float32, or as rows of whole pairs.
template <Precision precision> bool isReadInPlace(const Product<precision>& p) {
  const int64 step = innerStep<precision>;
  if (p.activateA || p.aIsBfloat16 != (step == 2) || (precision == Precision::bfloat16 && step == 1)) return false;
  if (step == 2 && (p.transposeA || p.k % 2 != 0 || p.aLeading % 2 != 0)) return false;
  // Where a panel of a transposed a has few rows, its lines are shorter than a cache line: packed, each is read once.
  return p.aLeading / step % wayFloats != 0 && (!p.transposeA || panelWidth(p.panelHeight()) >= 16);
}

// Rows [rowStart, rowEnd) × panels [panelStart, panelEnd) of the output, from packed b.
template <Precision precision> void computeBlock(const Product<precision>& p, float* packed, int64 rowStart,
                                                 int64 rowEnd, int64 panelStart, int64 panelEnd, float* scratch,
                                                 const Sequel& sequel) {
  float* tile = scratch;
  float* packedA = scratch + tileRows * tileColumns;
  const int64 height = p.panelHeight(), rows = rowEnd - rowStart;
  const int64 rest = rows % height;
  const Layout layout = p.transposeA ? Layout::byInner : Layout::byRow;
  const bool finishes = p.preActivation || p.outputIsBfloat16;
  for (int64 block = p.firstBlock; block < p.lastBlock; ++block) {
    const int64 start = block * p.innerDepth(), depth = minimum(p.innerDepth(), p.k - start);
    const int64 elements = p.elements(depth);
    const bool last = block + 1 == p.innerBlocks();
    const float beta = block == 0 ? p.beta : 1.0f;
    const float* a = packedA;
    int64 aStride = p.transposeA ? panelWidth(height) : packedStride(elements);        // between inner indices or rows
    int64 aPanel = p.transposeA ? panelStride(aStride * elements) : aStride * height;  // between panels
    if (isReadInPlace(p)) {
      a = elementAt(p.a, p.aIsBfloat16, p.transposeA ? start * p.aLeading + rowStart : rowStart * p.aLeading + start);
      aStride = wordsOf(p.aLeading, p.aIsBfloat16);
      aPanel = p.transposeA ? height : height * aStride;
    } else {
      packA(p, packedA, block, rowStart, rows);
    }
    FetchAhead ahead(divideUp(rows, height) * (panelEnd - panelStart) * fetchesPerTile(elements));
    if (block + 1 < p.lastBlock)
      addRowsOfA(ahead, p, block + 1, rowStart, rows);
    else if (sequel.row != rowStart && sequel.row < p.m)
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
        const int64 place = (rowStart + row) * p.outputLeading + column;
        float* output = elementAt(p.output, p.outputIsBfloat16, place);
        const float* left = a + row / height * aPanel;
        const float* bias = last && p.bias ? p.bias + column : nullptr;
        if (last && finishes) {
          const float* read = p.factor          ? reinterpret_cast<const float*>(p.factor + place)
                              : p.preActivation ? p.preActivation + place
                                                : nullptr;
          kernel(elements, left, aStride, b, tileColumns,
                 {tile, tileColumns, columns, p.alpha, 0.0f, bias, nullptr, output, read,
                  wordsOf(p.outputLeading, p.outputIsBfloat16), &ahead});
          if (p.outputIsBfloat16)
            finishTile<Bfloat16>(p, tile, rowStart + row, count, column, columns, false);
          else
            finishTile<float>(p, tile, rowStart + row, count, column, columns, block > 0);
        } else {
          const float* residual = last && p.residual ? p.residual + place : nullptr;
          kernel(elements, left, aStride, b, tileColumns,
                 {output, p.outputLeading, columns, p.alpha, beta, bias, residual, output, residual, p.outputLeading,
                  &ahead});
        }
      }
    }
  }
}

}  // namespace splitmask::SPLITMASK_SET
