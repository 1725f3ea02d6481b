// Crop, resize, flip, operations and normalization; channel statistics. One task a picture, no allocation, no look at a
// pixel outside of the crop's taps.
//
// augmentImages goes through the picture in blocks of 16 source rows. A block's bytes are transposed, so that a
// vector's lanes are rows; then the horizontal filter is a broadcast weight times contiguous vectors, with no gathers.
// The filtered columns are transposed back into a ring of rows, from which each output row is made as soon as its last
// source row is there; the ring stays in the second-level cache for any picture. Where a picture has operations, the
// rows come out as they are, become bytes, and are normalized after the operations.
#include "../generated/pictures.h"
#include "../parallel.h"
#include "../vector.h"
#include "pictureOperations.h"

namespace splitmask::SPLITMASK_SET {

namespace {

constexpr int block = 16;
constexpr int parts = block / lanes;
constexpr int mostGroup = 4;  // channels that are filtered together

typedef unsigned char Bytes __attribute__((vector_size(16)));
typedef unsigned char UnalignedBytes __attribute__((vector_size(16), aligned(1), may_alias));

SPLITMASK_INLINE Vector clip(Vector value) { return minimum(maximum(value, zero()), broadcast(255.0f)); }

#if defined(__AVX512F__)
#define SPLITMASK_LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define SPLITMASK_HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif defined(__AVX2__)
#define SPLITMASK_LOW 0, 8, 1, 9, 2, 10, 3, 11
#define SPLITMASK_HIGH 4, 12, 5, 13, 6, 14, 7, 15
#else
#define SPLITMASK_LOW 0, 4, 1, 5
#define SPLITMASK_HIGH 2, 6, 3, 7
#endif

// lanes×lanes transposition: each round interleaves row i with row i + lanes/2.
inline void transpose(Vector (&rows)[lanes]) {
  Vector next[lanes];
  for (int round = 1; round < lanes; round *= 2) {
    for (int i = 0; i < lanes / 2; ++i) {
      next[2 * i] = __builtin_shufflevector(rows[i], rows[i + lanes / 2], SPLITMASK_LOW);
      next[2 * i + 1] = __builtin_shufflevector(rows[i], rows[i + lanes / 2], SPLITMASK_HIGH);
    }
    for (int i = 0; i < lanes; ++i) rows[i] = next[i];
  }
}

inline void transposeBytes(Bytes (&rows)[16]) {
  Bytes next[16];
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 8; ++i) {
      next[2 * i] =
          __builtin_shufflevector(rows[i], rows[i + 8], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      next[2 * i + 1] =
          __builtin_shufflevector(rows[i], rows[i + 8], 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    }
    for (int i = 0; i < 16; ++i) rows[i] = next[i];
  }
}

// What the places of one output axis read: `count[o]` weights from input place `start[o]`, at weights + o·most.
struct Taps {
  int* start;
  int* count;
  float* weights;
  int64 most;
  int64 first, end;  // input places that anybody reads
};

struct Axis {
  int64 low, high;  // places that may be read
  int64 outputSize;
  double from, extent;
  PictureFilter filter;
  bool reversed;

  double stretch() const {
    return extent > static_cast<double>(outputSize) ? extent / static_cast<double>(outputSize) : 1.0;
  }
  double support() const { return (filter == PictureFilter::bilinear ? 1.0 : 2.0) * stretch(); }
  int64 mostTaps() const { return static_cast<int64>(2 * support()) + 3; }
};

inline double weightAt(double x, PictureFilter filter) {
  x = x < 0 ? -x : x;
  if (filter == PictureFilter::bilinear) return x < 1 ? 1 - x : 0;
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  if (x < 2) return ((-0.5 * x + 2.5) * x - 4) * x + 2;
  return 0;
}

void fillTaps(const Axis& axis, Taps& taps) {
  const double scale = axis.extent / static_cast<double>(axis.outputSize);
  const double narrowing = 1 / axis.stretch(), support = axis.support();
  taps.first = axis.high;
  taps.end = 0;
  for (int64 output = 0; output < axis.outputSize; ++output) {
    const double center = axis.from + (static_cast<double>(output) + 0.5) * scale;
    int64 start = static_cast<int64>(center - support + 0.5);
    int64 end = static_cast<int64>(center + support + 0.5);
    if (start < axis.low) start = axis.low;
    if (end > axis.high) end = axis.high;
    if (start > axis.high - 1) start = axis.high - 1;
    if (end < start + 1) end = start + 1;
    if (end > start + taps.most) end = start + taps.most;
    const int64 slot = axis.reversed ? axis.outputSize - 1 - output : output;
    float* weights = taps.weights + slot * taps.most;
    double sum = 0;
    for (int64 place = start; place < end; ++place) {
      const double weight = weightAt((static_cast<double>(place) - center + 0.5) * narrowing, axis.filter);
      weights[place - start] = static_cast<float>(weight);
      sum += weight;
    }
    const float factor = sum != 0 ? static_cast<float>(1 / sum) : 0.0f;
    for (int64 tap = 0; tap < end - start; ++tap)
      weights[tap] = sum != 0 ? weights[tap] * factor : 1.0f / static_cast<float>(end - start);
    taps.start[slot] = static_cast<int>(start);
    taps.count[slot] = static_cast<int>(end - start);
    if (start < taps.first) taps.first = start;
    if (end > taps.end) taps.end = end;
  }
}

// Cuts a thread's scratch memory into arrays that start at 64-byte borders. With memory null it only measures.
struct Arena {
  char* memory;
  int64 used;
  template <class T> T* take(int64 count) {
    T* place = memory == nullptr ? nullptr : reinterpret_cast<T*>(memory + used);
    used += (count * static_cast<int64>(sizeof(T)) + 63) / 64 * 64;
    return place;
  }
};

struct Workspace {
  Taps rows, columns;
  float* lanesOfRows;  // source columns × channels × block: the block's bytes as floats, lanes are rows
  float* ring;         // capacity × channels × stride
  float* tile;         // mostGroup channels × block columns × block rows
  const float** tapRows;
  int64 capacity, stride;

  void lay(Arena& arena, const Axis& rowAxis, const Axis& columnAxis, int64 channels) {
    for (int axis = 0; axis < 2; ++axis) {
      const Axis& shape = axis == 0 ? rowAxis : columnAxis;
      Taps& taps = axis == 0 ? rows : columns;
      taps.most = shape.mostTaps();
      taps.start = arena.take<int>(shape.outputSize);
      taps.count = arena.take<int>(shape.outputSize);
      taps.weights = arena.take<float>(shape.outputSize * taps.most);
    }
    stride = (columnAxis.outputSize + block - 1) / block * block;
    capacity = (rows.most + 2 * block + block - 1) / block * block;
    lanesOfRows = arena.take<float>((columnAxis.high - columnAxis.low) * channels * block);
    ring = arena.take<float>(capacity * channels * stride);
    tile = arena.take<float>(mostGroup * block * block);
    tapRows = arena.take<const float*>(rows.most);
  }
};

// The bytes of `block` rows from `row` on (the last row again where the picture ends), transposed to floats:
// output[column·channels + channel][row].
void spreadRows(const unsigned char* picture, int64 width, int64 height, int64 channels, int64 row, int64 firstColumn,
                int64 endColumn, float* output) {
  const unsigned char* rows[block];
  for (int r = 0; r < block; ++r) {
    const int64 y = row + r < height ? row + r : height - 1;
    rows[r] = picture + (y * width + firstColumn) * channels;
  }
  const int64 bytes = (endColumn - firstColumn) * channels;
  if (bytes < 16) {
    for (int64 column = 0; column < bytes; ++column)
      for (int r = 0; r < block; ++r) output[column * block + r] = rows[r][column];
    return;
  }
  for (int64 column = 0; column < bytes; column += 16) {
    const int64 from = column + 16 <= bytes ? column : bytes - 16;
    Bytes tile[16];
    for (int r = 0; r < 16; ++r) tile[r] = *reinterpret_cast<const UnalignedBytes*>(rows[r] + from);
    transposeBytes(tile);
    for (int c = 0; c < 16; ++c) {
      unsigned char values[16];
      *reinterpret_cast<UnalignedBytes*>(values) = tile[c];
      float* to = output + (from + c) * block;
      for (int r = 0; r < block; ++r) to[r] = static_cast<float>(values[r]);
    }
  }
}

// The horizontal filter over one block: columns of 16 rows, transposed into the ring's rows from `ringRow` on. `group`
// channels from `channel` on of `fixed` (0: of `channels`, which the compiler does not know). Inlined, so that what it
// reads of `work` stays in registers.
template <int group, int fixed> SPLITMASK_INLINE void filterColumns(const Workspace& work, int64 channels,
                                                                    int64 channel, int64 outputWidth, int64 firstColumn,
                                                                    int64 ringRow) {
  const int64 step = fixed != 0 ? fixed : channels;
  for (int64 from = 0; from < outputWidth; from += block) {
    const int64 here = outputWidth - from < block ? outputWidth - from : block;
    for (int64 x = 0; x < here; ++x) {
      const int count = work.columns.count[from + x];
      const float* weights = work.columns.weights + (from + x) * work.columns.most;
      const float* source = work.lanesOfRows + ((work.columns.start[from + x] - firstColumn) * step + channel) * block;
      Vector sums[group][parts] = {};
      for (int tap = 0; tap < count; ++tap) {
        const Vector weight = broadcast(weights[tap]);
        for (int member = 0; member < group; ++member)
          for (int part = 0; part < parts; ++part)
            sums[member][part] =
                fma(weight, load(source + (tap * step + member) * block + part * lanes), sums[member][part]);
      }
      for (int member = 0; member < group; ++member)
        for (int part = 0; part < parts; ++part)
          store(work.tile + (member * block + x) * block + part * lanes, clip(sums[member][part]));
    }
    for (int member = 0; member < group; ++member) {
      for (int columnPart = 0; columnPart < parts; ++columnPart) {
        for (int rowPart = 0; rowPart < parts; ++rowPart) {
          Vector square[lanes];
          for (int i = 0; i < lanes; ++i)
            square[i] = load(work.tile + (member * block + columnPart * lanes + i) * block + rowPart * lanes);
          transpose(square);
          for (int i = 0; i < lanes; ++i)
            store(work.ring + ((ringRow + rowPart * lanes + i) * step + channel + member) * work.stride + from +
                      columnPart * lanes,
                  square[i]);
        }
      }
    }
  }
}

SPLITMASK_INLINE void filterAllColumns(const Workspace& work, int64 channels, int64 outputWidth, int64 firstColumn,
                                       int64 ringRow) {
  if (channels == 3) return filterColumns<3, 3>(work, 3, 0, outputWidth, firstColumn, ringRow);
  if (channels == 1) return filterColumns<1, 1>(work, 1, 0, outputWidth, firstColumn, ringRow);
  int64 channel = 0;
  for (; channel + mostGroup <= channels; channel += mostGroup)
    filterColumns<mostGroup, 0>(work, channels, channel, outputWidth, firstColumn, ringRow);
  for (; channel < channels; ++channel) filterColumns<1, 0>(work, channels, channel, outputWidth, firstColumn, ringRow);
}

// One output row of one channel: the vertical filter over the ring's rows, then normalization.
void filterRows(const float* const* tapRows, const float* weights, int count, int64 width, float scale, float offset,
                float* output) {
  constexpr int unroll = 4;
  const Vector scales = broadcast(scale), offsets = broadcast(offset);
  int64 x = 0;
  for (; x + unroll * lanes <= width; x += unroll * lanes) {
    Vector sums[unroll] = {};
    for (int tap = 0; tap < count; ++tap) {
      const Vector weight = broadcast(weights[tap]);
      for (int part = 0; part < unroll; ++part)
        sums[part] = fma(weight, load(tapRows[tap] + x + part * lanes), sums[part]);
    }
    for (int part = 0; part < unroll; ++part) store(output + x + part * lanes, fma(clip(sums[part]), scales, offsets));
  }
  for (; x < width; x += lanes) {
    Vector sum = {};
    for (int tap = 0; tap < count; ++tap) sum = fma(broadcast(weights[tap]), load(tapRows[tap] + x), sum);
    storePartial(output + x, fma(clip(sum), scales, offsets), static_cast<int>(minimum(lanes, width - x)));
  }
}

// Functions of their own, so that the compiler knows that a byte which is written is none of the caller's variables,
// and makes vectors.
__attribute__((noinline)) void toBytes(const float* __restrict from, Byte* __restrict to, int64 count) {
  for (int64 i = 0; i < count; ++i) to[i] = static_cast<Byte>(static_cast<int>(from[i] + 0.5f));
}

__attribute__((noinline)) void normalizeBytes(const Byte* __restrict from, float scale, float offset,
                                              float* __restrict to, int64 count) {
  for (int64 i = 0; i < count; ++i) to[i] = static_cast<float>(from[i]) * scale + offset;
}

// The places of a picture's axis of `size` that may be read, and the box on it.
Axis axisOf(const AugmentImages<float>::Item& item, int64 size, double from, double extent, int64 outputSize,
            bool reversed) {
  if (!item.confined) return {0, size, outputSize, from, extent, item.filter, reversed};
  const int64 low = minimum(size - 1, maximum(0, static_cast<int64>(from)));
  const int64 high = minimum(size, maximum(low + 1, static_cast<int64>(from + extent + 0.5)));
  return {low, high, outputSize, from, extent, item.filter, reversed};
}

}  // namespace

void augmentImages(const AugmentImages<float>& call) {
  const int64 area = call.outputHeight * call.outputWidth;
  if (call.outputHeight <= 0 || call.outputWidth <= 0 || call.channels <= 0) return;
  const double* deviation = call.normalization + call.channels;
  for (int64 row = 0; row < call.operationRows; ++row) {
    const double* operation = call.operations + row * pictureOperationNumbers;
    const OperationProblem problem = operationProblem(operation, call.channels);
    if (problem.text != nullptr) return call.fail(call, problem.text, operation[0], problem.expected);
  }
  parallelFor(call, call.eachCount, [&](int64 index, int thread) {
    const auto item = call.each(index);
    const bool flipX = item.horizontalFlip != 0, flipY = item.verticalFlip != 0;
    const Axis rowAxis = axisOf(item, item.height, item.cropY, item.cropHeight, call.outputHeight, flipY);
    const Axis columnAxis = axisOf(item, item.width, item.cropX, item.cropWidth, call.outputWidth, flipX);
    Workspace laid;
    Planes planes{call.outputHeight, call.outputWidth, call.channels, nullptr, nullptr, nullptr};
    float *scales = nullptr, *offsets = nullptr;
    const auto lay = [&](Arena& arena) {
      scales = arena.take<float>(call.channels);
      offsets = arena.take<float>(call.channels);
      laid.lay(arena, rowAxis, columnAxis, call.channels);
      if (item.operations == 0) return;
      planes.pixels = arena.take<Byte>(call.channels * area);
      planes.other = arena.take<Byte>(call.channels * area);
      planes.numbers = arena.take<float>(operationScratch(call.outputHeight, call.outputWidth));
    };
    Arena arena{nullptr, 0};
    lay(arena);
    arena = {static_cast<char*>(call.scratch(call, thread, arena.used)), 0};
    lay(arena);
    fillTaps(rowAxis, laid.rows);
    fillTaps(columnAxis, laid.columns);
    const Workspace work = laid;  // nothing points to it, so that its members stay in registers
    float* sample = call.output + index * call.channels * area;
    const bool plain = item.operations == 0;
    for (int64 channel = 0; channel < call.channels; ++channel) {
      scales[channel] = static_cast<float>(1 / (255 * deviation[channel]));
      offsets[channel] = static_cast<float>(-call.normalization[channel] / deviation[channel]);
    }
    int64 ready = work.rows.first;  // source rows before this one are in the ring
    for (int64 step = 0; step < call.outputHeight; ++step) {
      const int64 y = flipY ? call.outputHeight - 1 - step : step;  // in the order of the source rows
      const int64 start = work.rows.start[y];
      const int count = work.rows.count[y];
      while (ready < start + count) {
        spreadRows(item.picture, item.width, item.height, call.channels, ready, work.columns.first, work.columns.end,
                   work.lanesOfRows);
        filterAllColumns(work, call.channels, call.outputWidth, work.columns.first,
                         (ready - work.rows.first) % work.capacity);
        ready += block;
      }
      for (int64 channel = 0; channel < call.channels; ++channel) {
        for (int tap = 0; tap < count; ++tap)
          work.tapRows[tap] =
              work.ring + ((start + tap - work.rows.first) % work.capacity * call.channels + channel) * work.stride;
        filterRows(work.tapRows, work.rows.weights + y * work.rows.most, count, call.outputWidth,
                   plain ? scales[channel] : 1.0f, plain ? offsets[channel] : 0.0f,
                   sample + (channel * call.outputHeight + y) * call.outputWidth);
      }
    }
    if (plain) return;
    toBytes(sample, planes.pixels, call.channels * area);
    const double* rows = call.operations + item.firstOperation * pictureOperationNumbers;
    for (int64 operation = 0; operation < item.operations; ++operation)
      applyOperation(planes, rows + operation * pictureOperationNumbers);
    for (int64 channel = 0; channel < call.channels; ++channel)
      normalizeBytes(planes.plane(channel), scales[channel], offsets[channel], sample + channel * area, area);
    for (int64 operation = 0; operation < item.operations; ++operation)
      if (operationOf(rows + operation * pictureOperationNumbers) == PictureOperation::erase)
        erase(sample, call.channels, call.outputHeight, call.outputWidth,
              rows + operation * pictureOperationNumbers + 1);
  });
}

void channelMoments(const ChannelMoments<float>& call) {
  auto* partial = static_cast<int64*>(
      call.scratch(call, 0, call.eachCount * 2 * call.channels * static_cast<int64>(sizeof(int64))));
  parallelFor(call, call.eachCount, [&](int64 index, int) {
    const auto item = call.each(index);
    const int64 channels = call.channels, bytes = item.height * item.width * channels;
    constexpr int group = 48;            // 1, 2, 3 and 4 divide it: lane modulo channels is the channel
    constexpr int64 mostGroups = 65536;  // 255² · 65536 still fits in 32 bits
    int64* total = partial + index * 2 * channels;
    for (int64 i = 0; i < 2 * channels; ++i) total[i] = 0;
    int64 place = 0;
    while (group % channels == 0 && place + group <= bytes) {
      unsigned sums[group] = {}, squares[group] = {};
      for (int64 groups = 0; groups < mostGroups && place + group <= bytes; ++groups, place += group) {
        for (int lane = 0; lane < group; ++lane) {
          const unsigned value = item.picture[place + lane];
          sums[lane] += value;
          squares[lane] += value * value;
        }
      }
      for (int lane = 0; lane < group; ++lane) {
        total[lane % channels] += sums[lane];
        total[channels + lane % channels] += squares[lane];
      }
    }
    for (; place < bytes; ++place) {
      const int64 value = item.picture[place];
      total[place % channels] += value;
      total[channels + place % channels] += value * value;
    }
  });
  for (int64 item = 0; item < call.eachCount; ++item) {
    for (int64 channel = 0; channel < call.channels; ++channel) {
      call.output[channel] += static_cast<double>(partial[item * 2 * call.channels + channel]) / 255;
      call.output[call.channels + channel] +=
          static_cast<double>(partial[item * 2 * call.channels + call.channels + channel]) / (255.0 * 255.0);
    }
  }
}

// mixup and CutMix of a batch: one task a picture.

void mixImages(const MixImages<float>& call) {
  const int64 values = call.channels * call.height * call.width;
  parallelFor(call, call.eachCount, [&](int64 index, int) {
    const auto item = call.each(index);
    const float *own = call.input + index * values, *other = call.input + item.partner * values;
    float* to = call.output + index * values;
    if (item.rows == 0 && item.lambda != 1) {
      const float share = static_cast<float>(item.lambda), rest = static_cast<float>(1 - item.lambda);
      for (int64 i = 0; i < values; ++i) to[i] = own[i] * share + other[i] * rest;
      return;
    }
    __builtin_memcpy(to, own, static_cast<unsigned long>(values) * sizeof(float));
    for (int64 channel = 0; channel < call.channels; ++channel)
      for (int64 y = item.top; y < item.top + item.rows; ++y) {
        const int64 place = (channel * call.height + y) * call.width + item.left;
        for (int64 x = 0; x < item.columns; ++x) to[place + x] = other[place + x];
      }
  });
}

}  // namespace splitmask::SPLITMASK_SET
