// gemmPacked: products with weights that are packed already, so that only rows of a may have to be packed.
#include "../generated/packedProducts.h"
#include "../packedWeights.h"
#include "../parallel.h"
#include "byteTile.h"
#include "gemmProduct.h"
#include "loops.h"

namespace splitmask::SPLITMASK_SET {

namespace {

// Rows of a task: their block of a stays in the second-level cache beside a panel of the weight.
constexpr int64 rowsOfTask = 16 * tileRows;
// Enough tasks that the threads end at about the same time, but each with enough multiply-adds to be worth its start.
constexpr int64 enoughTasks = 24;
constexpr int64 worthTask = 1 << 17;
// Panels of a task at most; for each of them the block of a is read from the second-level cache.
constexpr int64 mostPanels = 4;

// Calls body(first row, end, first panel, end, thread) for the whole output of m×k by k×n. Rows are cut into few
// pieces, because each piece reads every panel of the weight from memory.
template <class Body> void overOutput(const Call& call, int64 m, int64 n, int64 k, const Body& body) {
  const int64 height = evenHeight(m), rowPanels = divideUp(m, height), panels = divideUp(n, packedColumns);
  const int64 wanted = minimum(enoughTasks, m * n * k / worthTask);
  const int64 groups = maximum(divideUp(rowPanels, rowsOfTask / height), minimum(rowPanels, divideUp(wanted, panels)));
  const int64 rows = divideUp(rowPanels, maximum(1, groups)) * height;
  const int64 together = maximum(1, minimum(mostPanels, panels * groups / enoughTasks)),
              runs = divideUp(panels, together);
  parallelFor(call, divideUp(m, rows) * runs, [&](int64 task, int thread) {
    const int64 row = task / runs * rows, panel = task % runs * together;
    body(row, minimum(m, row + rows), panel, minimum(panels, panel + together), thread);
  });
}

// GELU and the residual of a tile that was just written, while it is in the first-level cache.
void activateTile(float* output, const float* residual, int64 stride, int64 rows, int64 columns) {
  for (int64 i = 0; i < rows; ++i) {
    overVectors(0, columns, [&](int64 c, auto part) {
      const int64 place = i * stride + c;
      const Vector value = gelu(part.read(output + place));
      part.write(output + place, residual ? value + part.read(residual + place) : value);
    });
  }
}

// In sets whose micro-kernel multiplies no pairs, pairs of bfloat16 become two float32, the later one first, in which
// order every set sums (gemmPrecision.h).
template <Precision precision> constexpr bool isUnpacked =
    precision == Precision::bfloat16 && innerStep<precision> == 1;

SPLITMASK_INLINE void unpackPairs(float* to, const int* from, int64 inner, int64 columns) {
  for (int64 k = 0; k < inner; k += 2, from += packedColumns) {
    for (int64 v = 0; v < columns; v += lanes) {
      const IntVector pair = load(from + v);
      store(to + k * tileColumns + v, asFloat(pair & broadcast(static_cast<int>(0xffff0000u))));
      store(to + (k + 1) * tileColumns + v, asFloat(pair << 16));
    }
  }
}

template <Precision precision> void multiplyPacked(const GemmPacked<float>& call) {
  constexpr int64 steps = precision == Precision::bfloat16 ? 2 : 1;
  Product<precision> p{};
  p.m = call.m;
  p.n = call.n;
  p.k = call.k;
  const int64 height = p.panelHeight(), depth = p.innerDepth(), blocks = p.innerBlocks();
  const int64 panelElements = packedElements(call.format, call.k);
  const int* weight = reinterpret_cast<const int*>(call.packed);
  const bool activate = call.activation == OutputActivation::gelu;

  // Rows that are rounded, or whose stride suits the cache badly, are packed; others are read where they lie.
  const bool packsRows = precision != Precision::float32 || call.k % wayFloats == 0;
  const int64 aStride = packsRows ? packedStride(p.elements(depth)) : call.k;
  const int64 aBlock = packsRows ? call.m * aStride : depth;
  const int64 packedFloats = packsRows ? blocks * aBlock : 0;
  const int64 unpackedFloats = isUnpacked<precision> ? depth * tileColumns : 0;
  const int64 scratchFloats = packedFloats + call.parallel->threads * unpackedFloats;
  float* scratch = scratchFloats > 0 ? static_cast<float*>(call.scratch(call, 0, scratchFloats * 4)) : nullptr;
  const float* a = packsRows ? scratch : call.a;
  if (packsRows) {
    overRowGroups(call, call.m, call.k, [&](int64 row, int64 rowEnd) {
      for (int64 block = 0; block < blocks; ++block) {
        packRows<precision>(scratch + block * aBlock + row * aStride, aStride, call.a + row * call.k + block * depth,
                            call.k, rowEnd - row, minimum(depth, call.k - block * depth));
      }
    });
  }

  overOutput(call, call.m, call.n, call.k, [&](int64 row, int64 rowEnd, int64 panel, int64 panelEnd, int thread) {
    float* unpacked = scratch + packedFloats + thread * unpackedFloats;
    const int64 columnEnd = minimum(call.n, panelEnd * packedColumns);
    for (int64 block = 0; block < blocks; ++block) {
      const int64 start = block * depth, inner = minimum(depth, call.k - start);
      const bool last = block + 1 == blocks;
      for (int64 column = panel * packedColumns; column < columnEnd; column += tileColumns) {
        const int columns = static_cast<int>(minimum(tileColumns, columnEnd - column));
        const int* lies =
            weight + (column / packedColumns * panelElements + start / steps) * packedColumns + column % packedColumns;
        const float* b = reinterpret_cast<const float*>(lies);
        int64 bStride = packedColumns;
        if constexpr (isUnpacked<precision>) {
          unpackPairs(unpacked, lies, inner, tileColumns);
          b = unpacked;
          bStride = tileColumns;
        }
        const float* bias = last && call.bias ? call.bias + column : nullptr;
        for (int64 i = row; i < rowEnd; i += height) {
          const int64 count = minimum(height, rowEnd - i);
          float* output = call.output + i * call.n + column;
          const float* residual = last && call.residual ? call.residual + (output - call.output) : nullptr;
          tileKernel<precision>(static_cast<int>(count), columns, Layout::byRow)(
              p.elements(inner), a + block * aBlock + i * aStride, aStride, b, bStride,
              {output, call.n, columns, 1.0f, block == 0 ? 0.0f : 1.0f, bias, activate ? nullptr : residual, output,
               residual, call.n});
          if (last && activate) activateTile(output, residual, call.n, count, columns);
        }
      }
    }
  });
}

void multiplyBytes(const GemmPacked<float>& product) {
  const int64 elements = packedElements(product.format, product.k), stride = packedStride(wordsOfRow(product.k));
  const int64 height = evenHeight(product.m);
  const int* weight = reinterpret_cast<const int*>(product.packed);
  const int64 words = product.m * stride;
  int* levels = static_cast<int*>(product.scratch(product, 0, words * 4 + product.m * int64(sizeof(RowLevels))));
  RowLevels* rows = reinterpret_cast<RowLevels*>(levels + words);
  overRows(product, product.m, product.k,
           [&](int64 row) { rows[row] = findLevels(product.a + row * product.k, product.k, levels + row * stride); });
  overOutput(product, product.m, product.n, product.k, [&](int64 row, int64 rowEnd, int64 panel, int64 panelEnd, int) {
    const int64 columnEnd = minimum(product.n, panelEnd * packedColumns);
    for (int64 column = panel * packedColumns; column < columnEnd; column += tileColumns) {
      const int columns = static_cast<int>(minimum(tileColumns, columnEnd - column));
      const int* b = weight + column / packedColumns * elements * packedColumns + column % packedColumns;
      for (int64 i = row; i < rowEnd; i += height) {
        const int64 count = minimum(height, rowEnd - i);
        float* output = product.output + i * product.n + column;
        byteKernel(static_cast<int>(count), columns)(
            elements, levels + i * stride, stride, b,
            {output, product.n, columns, rows + i, product.scales + column, product.sums + column,
             product.bias ? product.bias + column : nullptr,
             product.residual ? product.residual + (output - product.output) : nullptr,
             product.activation == OutputActivation::gelu});
      }
    }
  });
}

}  // namespace

void gemmPacked(const GemmPacked<float>& call) {
  if (call.m <= 0 || call.n <= 0) return;
  if (call.format == WeightFormat::int8) {
    multiplyBytes(call);
  } else if (call.format == WeightFormat::bfloat16) {
    multiplyPacked<Precision::bfloat16>(call);
  } else {
    multiplyPacked<Precision::float32>(call);
  }
}

}  // namespace splitmask::SPLITMASK_SET
