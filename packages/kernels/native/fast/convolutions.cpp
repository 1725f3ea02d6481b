// Convolutions and their gradients as products with patches, an implicit GEMM: tasks unfold the patches of some places
// at a time, straight into what the micro-kernel reads. Tasks are cut by size, and each element has one order of sums.
#include "../generated/convolutions.h"
#include "../parallel.h"
#include "gemmProduct.h"
#include "loops.h"
#include "patches.h"

namespace splitmask::SPLITMASK_SET {

namespace {

constexpr Precision precision = Precision::float32;
using FloatProduct = Product<precision>;

// Places of a task: its panels of a block of the inner dimension take a part of the second-level cache.
constexpr int64 taskPlaces = 128;
// Where places and samples give fewer tasks, the product's rows are cut, too.
constexpr int64 fewTasks = 16;
// Floats of the sums of a task, which stay in the second-level cache until they are written to the output.
constexpr int64 taskSums = 1 << 16;
// Nothing of b is fetched ahead: what the next block of k packs is no memory yet.
constexpr int64 noShare = int64{1} << 40;

// a·patches, of which `a` has a row for each channel of the output.
struct PatchProduct {
  Patches patches;
  const float* a;
  int64 aLeading;
  bool transposeA;
};

// batch×channels×height×width. There is a product for each remainder of row and column by `step`, row by row: place
// (y, x) of product (i, j) is element (y·step + i, x·step + j).
struct PatchOutput {
  float* output;
  int64 batch, channels, height, width, step;
  const float* bias;  // by channel; may be null
  bool rectified;

  int64 products() const { return step * step; }
};

// What a task computes: rows of the grid, of some samples, in some channels of the output.
struct Part {
  int64 firstSample, samples, firstRow, lastRow, firstChannel, lastChannel;

  int64 channels() const { return lastChannel - firstChannel; }
  Part within(const Patches& patches) const {
    Part part = *this;
    part.lastRow = minimum(lastRow, patches.gridHeight);
    return part;
  }
  int64 places(const Patches& patches) const { return maximum(0, lastRow - firstRow) * patches.gridWidth; }
};

// The product of one sample's places of a task.
FloatProduct productOf(const PatchProduct& product, const PatchOutput& to, int64 places) {
  const Patches& patches = product.patches;
  FloatProduct p{};
  p.m = to.channels;
  p.n = places;
  p.k = patches.lines();
  p.a = product.a;
  p.aLeading = product.aLeading;
  p.transposeA = product.transposeA;
  p.bLeading = patches.height * patches.width;
  p.outputLeading = packedStride(places);
  p.alpha = 1;
  return p;
}

int64 wholeBlockRows(const FloatProduct& p, const CacheSizes& caches) {
  return divideUp(blockRowsOf(caches), p.panelHeight()) * p.panelHeight();
}

// A task's memory in floats: packed panels, what computeBlock takes, the unfolding's, and sums of one product.
struct PartMemory {
  int64 packed = 0, block = 0, unfolding = 0, sums = 0;

  void fit(const FloatProduct& p, const PatchProduct& product, const Part& part, const CacheSizes& caches) {
    packed = maximum(packed, part.samples * p.panels() * p.packedPanelStride());
    block = maximum(block, privateSize(p, minimum(p.m, wholeBlockRows(p, caches))));
    unfolding = maximum(unfolding, Unfolding::size(product.patches, part.samples * p.n, part.samples));
    sums = maximum(sums, part.samples * part.channels() * p.outputLeading);
  }
};

// The sums of one product's places: samples×channels×(packedStride of the places).
void computePart(const PatchProduct& product, const PatchOutput& to, const Part& part, const PartMemory& sizes,
                 float* memory, float* sums, const CacheSizes& caches) {
  const Patches& patches = product.patches;
  const int64 first = part.firstRow * patches.gridWidth, places = part.places(patches);
  FloatProduct p = productOf(product, to, places);
  const int64 panels = p.panels(), samplePanels = panels * p.packedPanelStride();
  float* packed = memory;
  float* blockMemory = packed + sizes.packed;
  Unfolding unfolding(patches, blockMemory + sizes.block, part.samples * places, part.samples);
  if (!patches.isPlane()) {
    for (int64 i = 0; i < part.samples; ++i)
      unfolding.add(part.firstSample + i, first, first + places, i * samplePanels, p.packedPanelStride());
  }
  const int64 blockRows = wholeBlockRows(p, caches);
  for (; p.firstBlock < p.innerBlocks(); ++p.firstBlock) {
    p.lastBlock = p.firstBlock + 1;
    if (patches.isPlane()) {
      for (int64 i = 0; i < part.samples; ++i) {
        p.b = patches.source + (part.firstSample + i) * patches.channels * patches.places() + first;
        packB(p, packed + i * samplePanels, p.firstBlock, 0, panels);
      }
    } else {
      const int64 start = p.firstBlock * p.innerDepth();
      unfolding.unfold(packed, tileColumns, start, minimum(p.innerDepth(), p.k - start));
    }
    for (int64 row = part.firstChannel; row < part.lastChannel; row += blockRows) {
      const int64 end = minimum(part.lastChannel, row + blockRows);
      for (int64 i = 0; i < part.samples; ++i) {
        p.output = sums + (i * part.channels() - part.firstChannel) * p.outputLeading;
        computeBlock(p, packed + i * samplePanels, row, end, 0, panels, blockMemory, {end, 0, noShare});
      }
    }
  }
}

// Writes sum + bias, or ReLU of it, of `count` sums.
void finish(float* to, const float* sums, int64 count, float bias, bool rectified) {
  overVectors(0, count, [&](int64 i, auto part) {
    const Vector value = part.read(sums + i) + broadcast(bias);
    part.write(to + i, rectified ? maximum(zero(), value) : value);
  });
}

// Every step-th element from `to` on.
void writeApart(float* to, const float* from, int64 step, int64 count) {
  for (int64 i = 0; i < count; ++i) to[i * step] = from[i];
}
// `count` elements, in turns of two rows.
void writeInTurns(float* to, const float* even, const float* odd, int64 count) {
  for (int64 i = 0; i < count / 2; ++i) {
    to[2 * i] = even[i];
    to[2 * i + 1] = odd[i];
  }
  if (count % 2 != 0) to[count - 1] = even[count / 2];
}

// How the products of an output are cut into parts, which fill all of it together.
template <class Products> struct PatchPlan {
  const Products& products;
  const PatchOutput& to;
  const CacheSizes& caches;
  int64 samplesOfPart, rowsOfPart, channelsOfPart, sampleParts, rowParts, channelParts;
  PartMemory sizes;

  PatchPlan(const Call& call, const Products& products, const PatchOutput& to)
      : products(products), to(to), caches(*call.caches) {
    const int64 gridHeight = divideUp(to.height, to.step), gridWidth = divideUp(to.width, to.step);
    const int64 rows = maximum(1, taskPlaces / maximum(1, gridWidth));
    samplesOfPart = maximum(1, minimum(to.batch, rows / maximum(1, gridHeight)));
    sampleParts = divideUp(to.batch, samplesOfPart);
    rowsOfPart = divideUp(gridHeight, divideUp(gridHeight, minimum(rows, gridHeight)));
    rowParts = divideUp(gridHeight, rowsOfPart);
    const int64 height = evenHeight(to.channels), panels = divideUp(to.channels, height);
    const int64 sums = to.products() * samplesOfPart * rowsOfPart * gridWidth * height;
    const int64 wanted = maximum(divideUp(fewTasks, sampleParts * rowParts), divideUp(panels * sums, taskSums));
    channelsOfPart = divideUp(panels, minimum(panels, wanted)) * height;
    channelParts = divideUp(to.channels, channelsOfPart);
    const Part part{0, samplesOfPart, 0, rowsOfPart, 0, channelsOfPart};
    for (int64 i = 0; i < to.products(); ++i) {
      const PatchProduct product = products(i);
      const int64 places = part.within(product.patches).places(product.patches);
      if (places > 0) sizes.fit(productOf(product, to, places), product, part, caches);
    }
  }

  // The memory of a thread, in floats.
  int64 memory() const { return sizes.packed + sizes.block + sizes.unfolding + to.products() * sizes.sums; }

  void run(const Call& call, float* memoryOfThreads) const {
    parallelFor(call, sampleParts * rowParts * channelParts, [&](int64 task, int thread) {
      const int64 channel = task % channelParts * channelsOfPart;
      const int64 row = task / channelParts % rowParts * rowsOfPart;
      const int64 sample = task / channelParts / rowParts * samplesOfPart;
      const Part part{sample,  minimum(samplesOfPart, to.batch - sample),     row, row + rowsOfPart,
                      channel, minimum(to.channels, channel + channelsOfPart)};
      float* sums = memoryOfThreads + thread * memory();
      float* rest = sums + to.products() * sizes.sums;
      for (int64 i = 0; i < to.products(); ++i) {
        const PatchProduct product = products(i);
        const Part own = part.within(product.patches);
        if (own.places(product.patches) > 0) computePart(product, to, own, sizes, rest, sums + i * sizes.sums, caches);
      }
      write(part, sums);
    });
  }

  // The sums of all products of a part, with bias and ReLU.
  void write(const Part& part, float* sums) const {
    for (int64 line = 0; line < part.samples * part.channels(); ++line) {
      const int64 sample = part.firstSample + line / part.channels();
      const int64 channel = part.firstChannel + line % part.channels();
      float* plane = to.output + (sample * to.channels + channel) * to.height * to.width;
      const float bias = to.bias ? to.bias[channel] : 0.0f;
      for (int64 i = 0; i < to.step; ++i) {
        const int64 lastRow = minimum(part.lastRow, divideUp(to.height - i, to.step));
        const auto width = [&](int64 j) { return divideUp(to.width - j, to.step); };
        const auto sumsOf = [&](int64 j) {
          const int64 places = maximum(0, lastRow - part.firstRow) * width(j);
          return sums + (i * to.step + j) * sizes.sums + line * packedStride(places);
        };
        for (int64 j = 0; j < to.step; ++j) {
          float* of = sumsOf(j);
          float* target = to.step == 1 ? plane + part.firstRow * to.width : of;
          finish(target, of, (lastRow - part.firstRow) * width(j), bias, to.rectified);
        }
        if (to.step == 1) continue;
        for (int64 row = part.firstRow; row < lastRow; ++row) {
          float* target = plane + (row * to.step + i) * to.width;
          const auto rowOf = [&](int64 j) { return sumsOf(j) + (row - part.firstRow) * width(j); };
          if (to.step == 2) {
            writeInTurns(target, rowOf(0), rowOf(1), to.width);
          } else {
            for (int64 j = 0; j < minimum(to.step, to.width); ++j) writeApart(target + j, rowOf(j), to.step, width(j));
          }
        }
      }
    }
  }
};

// The patches of the input that a convolution multiplies.
template <class Convolution> Patches patchesOf(const Convolution& call) {
  return {call.input,  call.channels,     call.height,      call.width,    call.outputHeight, call.outputWidth,
          call.stride, call.kernelHeight, call.kernelWidth, -call.padding, -call.padding};
}

// The taps that reach those places of the input whose remainder by the stride is `phase`, in one dimension: first,
// first + stride, ….
struct PhaseTaps {
  int64 first, count, offset;  // offset: of the last tap's place of the output from the first grid place

  PhaseTaps(int64 phase, int64 kernel, int64 stride, int64 padding)
      : first((phase + padding) % stride),
        count(divideUp(maximum(0, kernel - first), stride)),
        offset((phase + padding - first) / stride - (count - 1)) {}
};

}  // namespace

void convolution(const Convolution<float>& call) {
  if (call.batch == 0 || call.outputChannels == 0) return;
  const Patches patches = patchesOf(call);
  const auto product = [&](int64) { return PatchProduct{patches, call.weight, patches.lines(), false}; };
  const PatchOutput to{
      call.output,      call.batch, call.outputChannels, call.outputHeight,
      call.outputWidth, 1,          call.bias,           call.activation == ConvolutionActivation::relu};
  const PatchPlan plan(call, product, to);
  plan.run(call, static_cast<float*>(call.scratch(call, 0, call.parallel->threads * plan.memory() * 4)));
}

// The places of the input with the same remainders by the stride are a convolution of the output's gradient, with the
// taps that reach them in reverse.
void convolutionBackwardInput(const ConvolutionBackwardInput<float>& call) {
  if (call.batch == 0 || call.channels == 0) return;
  const int64 stride = call.stride, taps = call.kernelHeight * call.kernelWidth;
  const int64 weights = taps == 1 ? 0 : divideUp(call.outputChannels * call.channels * taps, 16) * 16;
  float* reversed = nullptr;
  const auto rowTaps = [&](int64 phase) { return PhaseTaps(phase / stride, call.kernelHeight, stride, call.padding); };
  const auto columnTaps = [&](int64 phase) {
    return PhaseTaps(phase % stride, call.kernelWidth, stride, call.padding);
  };
  // Where the weights of a phase begin: those of earlier ones come first.
  const auto weightsBefore = [&](int64 phase) {
    int64 before = 0;
    for (int64 i = 0; i < phase; ++i) before += rowTaps(i).count * columnTaps(i).count;
    return before * call.outputChannels * call.channels;
  };
  const auto product = [&](int64 phase) {
    const PhaseTaps rows = rowTaps(phase), columns = columnTaps(phase);
    const int64 row = phase / stride, column = phase % stride;
    PatchProduct of{};
    of.patches = {call.outputGradient,
                  call.outputChannels,
                  call.outputHeight,
                  call.outputWidth,
                  divideUp(call.height - row, stride),
                  divideUp(call.width - column, stride),
                  1,
                  rows.count,
                  columns.count,
                  rows.offset,
                  columns.offset};
    of.a = taps == 1 ? call.weight : reversed + weightsBefore(phase);
    of.aLeading = taps == 1 ? call.channels : of.patches.lines();
    of.transposeA = taps == 1;
    return of;
  };
  const PatchOutput to{call.inputGradient, call.batch, call.channels, call.height,
                       call.width,         stride,     call.bias,     call.activation == ConvolutionActivation::relu};
  const PatchPlan plan(call, product, to);
  const int64 floats = weights + call.parallel->threads * plan.memory();
  reversed = static_cast<float*>(call.scratch(call, 0, floats * 4));
  if (taps > 1) {
    parallelFor(call, call.channels, [&](int64 channel, int) {
      for (int64 phase = 0; phase < stride * stride; ++phase) {
        const PhaseTaps rows = rowTaps(phase), columns = columnTaps(phase);
        const int64 lines = call.outputChannels * rows.count * columns.count;
        float* to = reversed + weightsBefore(phase) + channel * lines;
        for (int64 outputChannel = 0; outputChannel < call.outputChannels; ++outputChannel) {
          const float* kernel = call.weight + (outputChannel * call.channels + channel) * taps;
          for (int64 i = rows.count - 1; i >= 0; --i)
            for (int64 j = columns.count - 1; j >= 0; --j)
              *to++ = kernel[(rows.first + i * stride) * call.kernelWidth + columns.first + j * stride];
        }
      }
    });
  }
  plan.run(call, reversed + weights);
}

namespace {

// How patches · outputGradientᵀ, rows×columns, is cut into tasks: in rows, in columns, and in slices of places, whose
// products are added in their order.
struct WeightCut {
  int64 rows, columns, blocks, slices, rowParts, columnParts;

  WeightCut(int64 rows, int64 columns, int64 places) : rows(rows), columns(columns) {
    blocks = maximum(1, divideUp(places, blockInner<precision>));
    slices = maximum(1, minimum(blocks / 4, (1 << 19) / maximum(1, rows * columns)));
    columnParts = maximum(1, divideUp(columns, 8 * tileColumns));
    rowParts = maximum(1, minimum(divideUp(rows, 2 * tileRows), divideUp(fewTasks, slices * columnParts)));
  }
  int64 tasks() const { return slices * rowParts * columnParts; }
  int64 rowsOfPart() const { return divideUp(rows, rowParts); }
  int64 columnsOfPart() const { return divideUp(divideUp(columns, columnParts), tileColumns) * tileColumns; }
};

// The sums of all slices, transposed: rows [first, last) of the product are columns of the weight's gradient.
void addSlices(float* weightGradient, const float* partial, const WeightCut& cut, int64 first, int64 last) {
  const int64 count = last - first;
  for (int64 column = 0; column < cut.columns; column += lanes) {
    const int64 columns = minimum(lanes, cut.columns - column);
    Vector square[lanes];
    for (int64 i = 0; i < lanes; ++i) {
      square[i] = zero();
      for (int64 slice = 0; i < count && slice < cut.slices; ++slice)
        square[i] += loadFirst(partial + (slice * cut.rows + first + i) * cut.columns + column, columns);
    }
    transposeSquare(square);
    for (int64 i = 0; i < columns; ++i)
      storePartial(weightGradient + (column + i) * cut.rows + first, square[i], static_cast<int>(count));
  }
}

}  // namespace

void convolutionBackwardWeight(const ConvolutionBackwardWeight<float>& call) {
  const Patches patches = patchesOf(call);
  const int64 places = patches.places(), allPlaces = call.batch * places;
  const WeightCut cut(patches.lines(), call.outputChannels, allPlaces);
  if (cut.rows == 0 || cut.columns == 0) return;
  constexpr int64 depthOfBlock = blockInner<precision>;
  const int64 aStride = packedStride(depthOfBlock);
  const int64 blockRows = divideUp(cut.rowsOfPart(), divideUp(cut.rowsOfPart(), blockRowsOf(*call.caches)));
  FloatProduct whole{};
  whole.m = blockRows;
  whole.n = cut.columnsOfPart();
  whole.k = depthOfBlock;
  whole.aLeading = aStride;
  whole.outputLeading = cut.columns;
  whole.alpha = 1;
  const int64 samples = minimum(call.batch, depthOfBlock / maximum(1, places) + 2);
  const int64 packedFloats = whole.packedSize(), rowFloats = blockRows * aStride;
  const int64 tileFloats = tileRows * tileColumns;
  const int64 perThread = packedFloats + rowFloats + tileFloats + Unfolding::size(patches, depthOfBlock, samples);
  const int64 partialFloats = divideUp(cut.slices * cut.rows * cut.columns, 16) * 16;
  float* partial = static_cast<float*>(call.scratch(call, 0, (partialFloats + call.parallel->threads * perThread) * 4));
  parallelFor(call, cut.tasks(), [&](int64 task, int thread) {
    const int64 slice = task % cut.slices, part = task / cut.slices;
    const int64 firstRow = part % cut.rowParts * cut.rowsOfPart(),
                lastRow = minimum(cut.rows, firstRow + cut.rowsOfPart());
    const int64 firstColumn = part / cut.rowParts * cut.columnsOfPart(),
                columns = minimum(cut.columnsOfPart(), cut.columns - firstColumn);
    if (firstRow >= lastRow || columns <= 0) return;
    float* packed = partial + partialFloats + thread * perThread;
    float* packedRows = packed + packedFloats;
    float* tile = packedRows + rowFloats;
    Unfolding unfolding(patches, tile + tileFloats, depthOfBlock, samples);
    const int64 firstBlock = cut.blocks * slice / cut.slices, lastBlock = cut.blocks * (slice + 1) / cut.slices;
    for (int64 block = firstBlock; block < lastBlock; ++block) {
      const int64 first = block * depthOfBlock, last = minimum(allPlaces, first + depthOfBlock);
      FloatProduct p = whole;
      p.k = last - first;
      p.n = columns;
      p.a = packedRows;
      p.beta = block > firstBlock ? 1.0f : 0.0f;
      unfolding.clear();
      for (int64 place = first; place < last;) {
        const int64 sample = place / places, start = place % places, count = minimum(last - place, places - start);
        unfolding.add(sample, start, start + count, place - first);
        packTransposedPanels<precision>(packed + (place - first) * tileColumns, p.packedPanelStride(),
                                        call.outputGradient + (sample * cut.columns + firstColumn) * places + start,
                                        places, count, columns);
        place += count;
      }
      for (int64 row = firstRow; row < lastRow; row += blockRows) {
        p.m = minimum(blockRows, lastRow - row);
        unfolding.unfold(packedRows, aStride, row, p.m);
        p.output = partial + (slice * cut.rows + row) * cut.columns + firstColumn;
        computeBlock(p, packed, 0, p.m, 0, p.panels(), tile, {p.m, 0, noShare});
      }
    }
  });
  parallelFor(call, divideUp(cut.rows, lanes), [&](int64 task, int) {
    addSlices(call.weightGradient, partial, cut, task * lanes, minimum(cut.rows, (task + 1) * lanes));
  });
}

void convolutionBackwardBias(const ConvolutionBackwardBias<float>& call) {
  const int64 places = call.outputHeight * call.outputWidth;
  parallelFor(call, call.outputChannels, [&](int64 channel, int) {
    float sum = 0;
    for (int64 sample = 0; sample < call.batch; ++sample) {
      const int64 begin = (sample * call.outputChannels + channel) * places;
      sum += sumOver(begin, begin + places, [&](int64 i, auto part) {
        const Vector gradient = part.read(call.outputGradient + i);
        if (!call.output) return gradient;
        const Vector passed = select(part.read(call.output + i) > zero(), gradient, zero());
        part.write(call.sumsGradient + i, passed);
        return passed;
      });
    }
    if (call.biasGradient) call.biasGradient[channel] = sum;
  });
}

}  // namespace splitmask::SPLITMASK_SET
