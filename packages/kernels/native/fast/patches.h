// The patches of a picture as a matrix that no memory holds: a line for each channel and tap of the kernel, a column
// for each place. Lines are unfolded where a product reads them, as packed panels or rows.
#pragma once
#include "gemmPack.h"

namespace splitmask::SPLITMASK_SET {

// Places of a grid (gridHeight×gridWidth of each sample) over planes of height×width: tap (i, j) of place (y, x) is the
// element (y·stride + top + i, x·stride + left + j), 0 outside of the plane.
struct Patches {
  const float* source;  // batch×channels×height×width
  int64 channels, height, width;
  int64 gridHeight, gridWidth, stride;
  int64 tapRows, tapColumns;
  int64 top, left;

  int64 taps() const { return tapRows * tapColumns; }
  int64 lines() const { return channels * taps(); }
  int64 places() const { return gridHeight * gridWidth; }
  // Whether the lines are the planes themselves.
  bool isPlane() const { return taps() == 1 && stride == 1 && top == 0 && left == 0 && places() == height * width; }
};

// Places that follow each other in a row of the grid: `count` elements from `from` on in the window go to `to` in a
// line.
struct Run {
  int64 to, from, count;
};
// The rows of one sample's planes that some places need.
struct Strip {
  int64 sample, firstRow, rows, start;
};

SPLITMASK_INLINE void copyFloats(float* to, const float* from, int64 count) {
  int64 i = 0;
  for (; i + lanes <= count; i += lanes) store(to + i, load(from + i));
  const auto copy = [&](auto& chunk) {
    __builtin_memcpy(&chunk, from + i, sizeof chunk);
    __builtin_memcpy(to + i, &chunk, sizeof chunk);
    i += static_cast<int64>(sizeof chunk / sizeof(float));
  };
  float eight[8], four[4], two[2], one[1];
  const int64 rest = count - i;
  if (rest & 8) copy(eight);
  if (rest & 4) copy(four);
  if (rest & 2) copy(two);
  if (rest & 1) copy(one);
}

SPLITMASK_INLINE void copyEvery(int64 step, float* to, const float* from, int64 count) {
  if (step == 1) {
    copyFloats(to, from, count);
  } else if (step == 2) {  // of a step that it knows, the compiler makes vectors
    for (int64 i = 0; i < count; ++i) to[i] = from[2 * i];
  } else {
    for (int64 i = 0; i < count; ++i) to[i] = from[i * step];
  }
}

// Unfolds lines of the patches of some places. What they need of a channel is first copied to a window: rows with zeros
// around them, and with a stride, columns by their remainder, so that the places of a row are runs of the window.
class Unfolding {
 public:
  // The floats that the window, runs and strips of at most so many places of at most so many samples take.
  static int64 size(const Patches& patches, int64 places, int64 samples) {
    const int64 gridRows = minimum(samples * patches.gridHeight, places / patches.gridWidth + 2 * samples);
    const int64 pitch = (patches.gridWidth + (patches.tapColumns - 1) / patches.stride) * patches.stride;
    const int64 window = (gridRows * patches.stride + samples * patches.tapRows) * pitch;
    return divideUp(window + static_cast<int64>(places * sizeof(Run) + samples * sizeof(Strip)) / 4, 16) * 16;
  }

  Unfolding(const Patches& patches, float* memory, int64 places, int64 samples)
      : patches_(patches),
        phaseWidth_(patches.gridWidth + (patches.tapColumns - 1) / patches.stride),
        pitch_(phaseWidth_ * patches.stride),
        runs_(reinterpret_cast<Run*>(memory)),
        strips_(reinterpret_cast<Strip*>(runs_ + places)),
        window_(reinterpret_cast<float*>(strips_ + samples)) {}

  // Starts a list of places.
  void clear() { runCount_ = stripCount_ = windowFloats_ = 0; }

  // Adds places [first, last) of a sample. They go to `to` and the following elements of a line, or, with a distance of
  // panels, to the following columns of these.
  void add(int64 sample, int64 first, int64 last, int64 to, int64 panelStride = 0) {
    const Patches& p = patches_;
    const int64 gridRow = first / p.gridWidth, lastGridRow = (last - 1) / p.gridWidth;
    const int64 rows = (lastGridRow - gridRow) * p.stride + p.tapRows;
    strips_[stripCount_++] = {sample, gridRow * p.stride + p.top, rows, windowFloats_};
    for (int64 place = first; place < last;) {
      const int64 row = place / p.gridWidth, column = place % p.gridWidth, done = place - first;
      int64 count = minimum(last - place, p.gridWidth - column), at = to + done;
      if (panelStride > 0) {
        count = minimum(count, tileColumns - done % tileColumns);
        at = to + done / tileColumns * panelStride + done % tileColumns;
      }
      runs_[runCount_++] = {at, windowFloats_ + (row - gridRow) * p.stride * pitch_ + column, count};
      place += count;
    }
    for (int64 i = windowFloats_; i < windowFloats_ + rows * pitch_; ++i) window_[i] = 0;
    windowFloats_ += rows * pitch_;
  }

  // Writes lines [first, first + count), `lineStride` apart from `to` on, of the places that were added.
  void unfold(float* to, int64 lineStride, int64 first, int64 count) {
    const Patches& p = patches_;
    int64 channel = 0, row = 0, column = 0;
    if (count > 0) {
      channel = first / p.taps();
      row = first % p.taps() / p.tapColumns;
      column = first % p.tapColumns;
      fillWindow(channel);
    }
    for (const float* end = to + count * lineStride; to < end; to += lineStride) {
      const float* from = window_ + row * pitch_ + column % p.stride * phaseWidth_ + column / p.stride;
      for (const Run* run = runs_; run < runs_ + runCount_; ++run)
        copyFloats(to + run->to, from + run->from, run->count);
      if (++column < p.tapColumns) continue;
      column = 0;
      if (++row < p.tapRows) continue;
      row = 0;
      if (to + lineStride < end) fillWindow(++channel);
    }
  }

 private:
  // What lies within the planes; the zeros around stay from `add`.
  void fillWindow(int64 channel) {
    const Patches& p = patches_;
    for (const Strip* strip = strips_; strip < strips_ + stripCount_; ++strip) {
      const float* plane = p.source + (strip->sample * p.channels + channel) * p.height * p.width;
      const int64 begin = maximum(0, -strip->firstRow), end = minimum(strip->rows, p.height - strip->firstRow);
      for (int64 phase = 0; phase < p.stride; ++phase) {
        // Element q of the phase is column left + phase + q·stride of the plane.
        const int64 column = p.left + phase;
        const int64 firstElement = maximum(0, divideUp(-column, p.stride));
        const int64 beyond = p.width - column;
        const int64 lastElement = beyond <= 0 ? 0 : minimum(phaseWidth_, divideUp(beyond, p.stride));
        if (firstElement >= lastElement) continue;
        for (int64 row = begin; row < end; ++row) {
          float* to = window_ + strip->start + row * pitch_ + phase * phaseWidth_ + firstElement;
          const float* from = plane + (strip->firstRow + row) * p.width + column + firstElement * p.stride;
          copyEvery(p.stride, to, from, lastElement - firstElement);
        }
      }
    }
  }

  const Patches& patches_;
  int64 phaseWidth_, pitch_;
  Run* runs_;
  Strip* strips_;
  float* window_;
  int64 runCount_ = 0, stripCount_ = 0, windowFloats_ = 0;
};

}  // namespace splitmask::SPLITMASK_SET
