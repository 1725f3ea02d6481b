// gemm, gemmBfloat16 and gemmArgmax: cache blocking and threads around the micro-kernel. Threads share tiles of the
// output, never k, so results do not depend on their number.
#include "../generated/products.h"
#include "../indices.h"
#include "../parallel.h"
#include "gemmProduct.h"

namespace splitmask::SPLITMASK_SET {

namespace {

// Packed b of one pass, in floats: more columns than that are cut; more blocks of k than fill the first are packed and
// multiplied in turns.
constexpr int64 packedLimit = 16 << 20;
constexpr int64 packedWell = 1 << 19;
// Below this many multiply-adds a product is not worth a second thread, and a tile not worth cutting.
constexpr int64 worthSharing = 1 << 18;

// Every output tile of one product, shared by the threads; b is packed first, by all of them together.
template <Precision precision> void multiplyShared(const Call& call, const Product<precision>& whole) {
  const int64 chunk =
      maximum(blockPanels, packedLimit / (maximum(1, whole.elements(whole.innerDepth())) * tileColumns)) * tileColumns;
  for (int64 first = 0; first < whole.n; first += chunk) {
    Product<precision> p = whole;
    p.n = minimum(chunk, whole.n - first);
    p.b = elementAt(p.b, p.bIsBfloat16, whole.transposeB ? first * whole.bLeading : first);
    p.output = elementAt(p.output, p.outputIsBfloat16, first);
    if (p.bias) p.bias += first;
    if (p.residual) p.residual += first;
    if (p.preActivation) p.preActivation += first;
    if (p.factor) p.factor += first;
    if (p.derivative) p.derivative += first;

    // Tiles: the larger, the more often packed panels are used again; smaller ones only until the threads can share
    // them evenly.
    const int64 panels = p.panels(), height = p.panelHeight(), rowPanels = divideUp(p.m, height),
                blocks = p.innerBlocks();
    const bool shared = p.m * p.n * p.k >= worthSharing;
    const int64 threads = shared ? call.parallel->threads : 1;
    int64 rowTiles = divideUp(rowPanels, maximum(1, blockRowsOf(*call.caches) / height)),
          panelTiles = divideUp(panels, blockPanels);
    while (threads > 1 && rowTiles * panelTiles < 4 * threads &&
           p.m * p.n * p.k > rowTiles * panelTiles * worthSharing) {
      if (panelTiles < panels && p.n * rowTiles >= p.m * panelTiles) {
        ++panelTiles;
      } else if (rowTiles < rowPanels) {
        ++rowTiles;
      } else {
        break;
      }
    }
    const int64 rowsOfTile = divideUp(rowPanels, rowTiles) * height, panelsOfTile = divideUp(panels, panelTiles);
    rowTiles = divideUp(p.m, rowsOfTile);
    panelTiles = divideUp(panels, panelsOfTile);
    const int64 together =
        minimum(blocks, maximum(1, packedWell / maximum(1, p.elements(p.innerDepth()) * panels * tileColumns)));
    p.lastBlock = together;
    const int64 privateFloats = privateSize(p, minimum(rowsOfTile, p.m));
    const int64 packedFloats = divideUp(p.packedSize(), 16) * 16;
    float* packed = static_cast<float*>(call.scratch(call, 0, (packedFloats + threads * privateFloats) * 4));
    float* privates = packed + packedFloats;
    // Panels of b that are packed together: fewer if some threads would otherwise get none.
    const int64 panelsOfRun =
        threads == 1 ? packedTogether : maximum(1, minimum(packedTogether, panels * together / (2 * threads)));
    const int64 runs = divideUp(panels, panelsOfRun);
    for (; p.firstBlock < blocks; p.firstBlock = p.lastBlock) {
      p.lastBlock = minimum(blocks, p.firstBlock + together);
      const auto packRun = [&](int64 task, int) {
        const int64 first = task % runs * panelsOfRun;
        packB(p, packed, p.firstBlock + task / runs, first, minimum(panels, first + panelsOfRun));
      };
      const auto computeTileOfOutput = [&](int64 task, int thread) {
        const int64 row = task / panelTiles * rowsOfTile, panel = task % panelTiles * panelsOfTile;
        computeBlock(p, packed, row, minimum(p.m, row + rowsOfTile), panel, minimum(panels, panel + panelsOfTile),
                     privates + thread * privateFloats,
                     {(task + 1) / panelTiles * rowsOfTile, task, rowTiles * panelTiles});
      };
      if (shared) {
        parallelFor(call, runs * (p.lastBlock - p.firstBlock), packRun);
        parallelFor(call, rowTiles * panelTiles, computeTileOfOutput);
      } else {
        for (int64 task = 0; task < runs * (p.lastBlock - p.firstBlock); ++task) packRun(task, 0);
        for (int64 task = 0; task < rowTiles * panelTiles; ++task) computeTileOfOutput(task, 0);
      }
    }
  }
}

template <Precision precision> void multiply(const Gemm<float>& call) {
  Product<precision> p;
  p.output = call.output;
  p.a = call.a;
  p.b = call.b;
  p.bias = call.bias;
  p.residual = call.residual;
  p.preActivation = call.preActivation;
  p.m = call.m;
  p.n = call.n;
  p.k = call.k;
  int64 batch = call.batch;
  p.transposeA = call.transposeA != 0;
  p.transposeB = call.transposeB != 0;
  p.alpha = static_cast<float>(call.alpha);
  p.beta = static_cast<float>(call.beta);
  p.activateA = call.activation == ActivatedOperand::a;
  p.activateB = call.activation == ActivatedOperand::b;
  p.aLeading = call.aLeading;
  p.bLeading = call.bLeading;
  p.outputLeading = call.outputLeading;
  if (p.m <= 0 || p.n <= 0 || batch <= 0) return;
  // A batch that shares b and lies row under row is one tall product.
  if (batch > 1 && call.bBatchStride == 0 && !p.transposeA && call.aBatchStride == p.m * p.aLeading &&
      call.outputBatchStride == p.m * p.outputLeading) {
    p.m *= batch;
    batch = 1;
  }
  const auto item = [&](int64 z) {
    Product<precision> one = p;
    one.a += z * call.aBatchStride;
    one.b += z * call.bBatchStride;
    one.output += z * call.outputBatchStride;
    if (p.residual) one.residual += z * call.outputBatchStride;
    if (p.preActivation) one.preActivation += z * call.outputBatchStride;
    return one;
  };
  p.lastBlock = p.innerBlocks();
  const int64 work = p.m * p.n * maximum(1, p.k);
  if (batch > 1 && p.packedSize() <= (1 << 17) && (batch >= 8 || work < worthSharing)) {
    // Many small products: each is one task (or a part of one), with its own packed b in the second-level cache.
    const int64 group = maximum(1, (worthSharing / 2) / work);
    const int64 rows = minimum(p.m, divideUp(blockRowsOf(*call.caches), p.panelHeight()) * p.panelHeight());
    const int64 packedFloats = divideUp(p.packedSize(), 16) * 16;
    const int64 perThread = packedFloats + privateSize(p, rows);
    float* scratch = static_cast<float*>(call.scratch(call, 0, call.parallel->threads * perThread * 4));
    parallelFor(call, divideUp(batch, group), [&](int64 task, int thread) {
      float* packed = scratch + thread * perThread;
      for (int64 z = task * group; z < minimum(batch, (task + 1) * group); ++z) {
        const Product<precision> one = item(z);
        for (int64 block = 0; block < one.innerBlocks(); ++block) packB(one, packed, block, 0, one.panels());
        for (int64 row = 0; row < one.m; row += rows) {
          computeBlock(one, packed, row, minimum(one.m, row + rows), 0, one.panels(), packed + packedFloats,
                       {row + rows});
        }
      }
    });
    return;
  }
  for (int64 z = 0; z < batch; ++z) multiplyShared(call, item(z));
}

}  // namespace

void gemm(const Gemm<float>& call) {
  if (call.precision == ProductPrecision::bfloat16) {
    multiply<Precision::bfloat16>(call);
  } else {
    multiply<Precision::float32>(call);
  }
}

void gemmBfloat16(const GemmBfloat16<float>& call) {
  if (call.m <= 0 || call.n <= 0) return;
  Product<Precision::bfloat16> p{};
  p.output = static_cast<float*>(call.output);
  p.derivative = call.derivative;
  p.a = static_cast<const float*>(call.a);
  p.b = static_cast<const float*>(call.b);
  p.bias = call.bias;
  p.factor = call.factor;
  p.residual = call.residual;
  p.m = call.m;
  p.n = call.n;
  p.k = call.k;
  p.transposeA = call.transposeA != 0;
  p.transposeB = call.transposeB != 0;
  p.aLeading = p.transposeA ? p.m : p.k;
  p.bLeading = p.transposeB ? p.k : p.n;
  p.outputLeading = p.n;
  p.alpha = 1;
  p.activated = call.activated != 0;
  p.aIsBfloat16 = call.aType == ElementType::bfloat16;
  p.bIsBfloat16 = call.bType == ElementType::bfloat16;
  p.outputIsBfloat16 = call.outputType == ElementType::bfloat16;
  p.lastBlock = p.innerBlocks();
  multiplyShared(call, p);
}

// gemmArgmax: each tile of a·bᵀ goes from the micro-kernel's registers into a running (value, index) for every row and
// lane; the product is never written.

namespace {

// For each lane the largest value so far and its column.
struct Best {
  Vector value;
  IntVector index;
};

// A NaN is larger than any number, and the first of equals stays, as in the naive version.
SPLITMASK_INLINE void consider(Best& best, Vector value, IntVector index) {
  const IntVector better = ~(value <= best.value) & (best.value == best.value);
  best.value = select(better, value, best.value);
  best.index = select(better, index, best.index);
}

void reduceTile(Best* best, const float* tile, int64 rows, int columns, int64 column, const float* bias) {
  const IntVector lane = laneNumbers();
  const Vector none = broadcast(-__builtin_inff());
  for (int v = 0; v * lanes < columns; ++v) {
    const int count = columns - v * lanes < lanes ? columns - v * lanes : lanes;
    const IntVector index = broadcast(static_cast<int>(column) + v * lanes) + lane;
    const IntVector present = firstLanes(count);
    const Vector offset = bias ? loadPartial(bias + column + v * lanes, count) : Vector{};
    for (int64 i = 0; i < rows; ++i) {
      const Vector value = load(tile + i * tileColumns + v * lanes) + offset;
      consider(best[i], select(present, value, none), index);
    }
  }
}

// The largest value of all lanes and its column, for row `row`.
void writeLargest(const GemmArgmax<float>& call, int64 row, const Best& best) {
  float value = best.value[0];
  int index = best.index[0];
  for (int lane = 1; lane < lanes; ++lane) {
    const float other = best.value[lane];
    const int otherIndex = best.index[lane];
    const bool larger = other > value || (other != other && value == value);
    const bool equal = other == value || (other != other && value != value);
    if (larger || (equal && otherIndex < index)) {
      value = other;
      index = otherIndex;
    }
  }
  call.output[row] = value - value == 0 ? index : noIndex;  // ∞ − ∞ is NaN, too
  if (call.best) call.best[row] = value;
}

template <Precision precision> void findLargest(const GemmArgmax<float>& call) {
  if (call.m <= 0) return;
  // The inner dimension in packed elements.
  const int64 elements = packedElements<precision>(call.k);
  const int64 chunk = maximum(32, packedLimit / (maximum(1, elements) * tileColumns)) * tileColumns;
  const int64 height = evenHeight(call.m);
  // A task's block of a has to stay in the second-level cache; it is smaller if threads would get fewer than four.
  const int64 threads = call.parallel->threads;
  const int64 mostRows = minimum(8 * tileRows, (1 << 16) / maximum(1, elements));
  const int64 evenRows = threads > 1 ? maximum(2 * height, divideUp(call.m, 4 * threads)) : mostRows;
  const int64 blockRows = maximum(1, minimum(mostRows, evenRows) / height) * height;
  const int64 tasks = divideUp(call.m, blockRows);
  const int64 stride = packedStride(elements);
  const int64 panelSize = panelStride(elements * tileColumns);
  const int64 packedFloats = divideUp(minimum(call.n, chunk), tileColumns) * panelSize,
              bestFloats = call.m * int64(sizeof(Best) / sizeof(float));
  const int64 privateFloats = divideUp(blockRows * stride + tileRows * tileColumns, 16) * 16;
  float* scratch =
      static_cast<float*>(call.scratch(call, 0, (bestFloats + packedFloats + threads * privateFloats) * 4));
  Best* best = reinterpret_cast<Best*>(scratch);
  float* packed = scratch + bestFloats;
  float* privates = packed + packedFloats;

  // Once at least: without columns there is no index.
  for (int64 first = 0; first == 0 || first < call.n; first += chunk) {
    const int64 columns = minimum(chunk, call.n - first), panels = divideUp(columns, tileColumns);
    const int64 group = maximum(1, (1 << 15) / (maximum(1, elements) * tileColumns));
    parallelFor(call, divideUp(panels, group), [&](int64 task, int) {
      const int64 start = task * group * tileColumns, end = minimum(columns, start + group * tileColumns);
      packTransposedPanels<precision>(packed + task * group * panelSize, panelSize, call.b + (first + start) * call.k,
                                      call.k, call.k, end - start);
    });
    parallelFor(call, tasks, [&](int64 task, int thread) {
      float* tile = privates + thread * privateFloats;
      float* packedA = tile + tileRows * tileColumns;
      const int64 rowStart = task * blockRows, rows = minimum(blockRows, call.m - rowStart);
      Best* bestOfRows = best + rowStart;
      if (first == 0)
        for (int64 row = 0; row < rows; ++row) bestOfRows[row] = {broadcast(-__builtin_inff()), IntVector{}};
      packRows<precision>(packedA, stride, call.a + rowStart * call.k, call.k, rows, call.k);
      for (int64 column = 0; column < columns; column += tileColumns) {
        const int width = static_cast<int>(minimum(tileColumns, columns - column));
        for (int64 row = 0; row < rows; row += height) {
          const int64 count = minimum(height, rows - row);
          const TileKernel kernel = tileKernel<precision>(static_cast<int>(count), width, Layout::byRow);
          kernel(elements, packedA + row * stride, stride, packed + column / tileColumns * panelSize, tileColumns,
                 {tile, tileColumns, width, 1.0f, 0.0f, nullptr, nullptr});
          reduceTile(bestOfRows + row, tile, count, width, first + column, call.bias);
        }
      }
      if (first + chunk < call.n) return;
      for (int64 row = 0; row < rows; ++row) writeLargest(call, rowStart + row, bestOfRows[row]);
    });
  }
}

}  // namespace

void gemmArgmax(const GemmArgmax<float>& call) {
  if (call.precision == ProductPrecision::bfloat16) {
    findLargest<Precision::bfloat16>(call);
  } else {
    findLargest<Precision::float32>(call);
  }
}

}  // namespace splitmask::SPLITMASK_SET
