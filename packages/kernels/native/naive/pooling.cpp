// Pooling and upsampling, plane by plane.
#include "../generated/pooling.h"
#include "naive.h"

namespace splitmask::naive {

// The place in the plane of the largest of the size×size elements from `corner` on, the first of equals; a NaN counts
// as larger than any number.
template <class T> static int64 placeOfLargest(const T* plane, int64 corner, int64 width, int64 size) {
  int64 largest = corner;
  for (int64 y = 0; y < size; ++y)
    for (int64 place = corner + y * width; place < corner + y * width + size; ++place) {
      const T value = plane[place];
      if (value > plane[largest] || (value != value && plane[largest] == plane[largest])) largest = place;
    }
  return largest;
}

// body(window, place of its largest) for each window of a plane.
template <class T, class Body>
static void overWindows(const T* plane, int64 height, int64 width, int64 size, const Body& body) {
  int64 window = 0;
  for (int64 y = 0; y + size <= height; y += size)
    for (int64 x = 0; x + size <= width; x += size) body(window++, placeOfLargest(plane, y * width + x, width, size));
}

template <class T> void maxPool(const MaxPool<T>& call) {
  const int64 places = call.height * call.width, windows = (call.height / call.size) * (call.width / call.size);
  parallelFor(call, call.planes, [&](int64 index, int) {
    const T* input = call.input + index * places;
    T* output = call.output + index * windows;
    overWindows(input, call.height, call.width, call.size,
                [&](int64 window, int64 place) { output[window] = input[place]; });
  });
}

template <class T> void maxPoolBackward(const MaxPoolBackward<T>& call) {
  const int64 places = call.height * call.width, windows = (call.height / call.size) * (call.width / call.size);
  parallelFor(call, call.planes, [&](int64 index, int) {
    const T* outputGradient = call.outputGradient + index * windows;
    T* inputGradient = call.inputGradient + index * places;
    for (int64 place = 0; place < places; ++place) inputGradient[place] = 0;
    overWindows(call.input + index * places, call.height, call.width, call.size,
                [&](int64 window, int64 place) { inputGradient[place] = outputGradient[window]; });
  });
}

template <class T> void upsampleNearest(const UpsampleNearest<T>& call) {
  const int64 width = call.width * call.size;
  parallelFor(call, call.planes, [&](int64 index, int) {
    const T* input = call.input + index * call.height * call.width;
    T* output = call.output + index * call.height * call.size * width;
    for (int64 y = 0; y < call.height * call.size; ++y, output += width) {
      const T* line = input + y / call.size * call.width;
      for (int64 x = 0; x < call.width; ++x)
        for (int64 i = 0; i < call.size; ++i) output[x * call.size + i] = line[x];
    }
  });
}

template <class T> void upsampleNearestBackward(const UpsampleNearestBackward<T>& call) {
  const int64 width = call.width * call.size;
  parallelFor(call, call.planes, [&](int64 index, int) {
    const T* line = call.outputGradient + index * call.height * call.size * width;
    T* output = call.inputGradient + index * call.height * call.width;
    for (int64 y = 0; y < call.height; ++y, output += call.width) {
      for (int64 x = 0; x < call.width; ++x) output[x] = 0;
      for (int64 row = 0; row < call.size; ++row, line += width)
        for (int64 x = 0; x < call.width; ++x)
          for (int64 i = 0; i < call.size; ++i) output[x] += line[x * call.size + i];
    }
  });
}

}  // namespace splitmask::naive

NAIVE_KERNEL(maxPool, MaxPool)
NAIVE_KERNEL(maxPoolBackward, MaxPoolBackward)
NAIVE_KERNEL(upsampleNearest, UpsampleNearest)
NAIVE_KERNEL(upsampleNearestBackward, UpsampleNearestBackward)
