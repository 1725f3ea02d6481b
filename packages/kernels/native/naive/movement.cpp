// Movement of elements: fill, copies, permutation, tokens by index.
#include "../indices.h"
#include "naive.h"

#include <cstring>

namespace splitmask::naive {

template <class T> void fill(const Call& call) {
  T* output = call.buffer<T>(0);
  const int64 size = call.integer(0);
  const T value = static_cast<T>(call.number(1));
  for (int64 i = 0; i < size; ++i) output[i] = value;
}

template <class T> void copyBytes(const Call& call) {
  const int64 bytes = call.integer(0);
  if (bytes > 0) std::memmove(call.buffers[0], call.buffers[1], static_cast<size_t>(bytes));
}

template <class T> void copyBlocks(const Call& call) {
  T* output = call.buffer<T>(0) + call.integer(3);
  const T* input = call.buffer<T>(1) + call.integer(5);
  const int64 outer = call.integer(0), inner = call.integer(1);
  const int64 outputStride = call.integer(2), inputStride = call.integer(4);
  const bool accumulate = call.integer(6) != 0;
  for (int64 o = 0; o < outer; ++o) {
    T* to = output + o * outputStride;
    const T* from = input + o * inputStride;
    if (accumulate) {
      for (int64 i = 0; i < inner; ++i) to[i] += from[i];
    } else if (inner > 0) {
      std::memcpy(to, from, static_cast<size_t>(inner) * sizeof(T));
    }
  }
}

template <class T> void permute(const Call& call) {
  T* output = call.buffer<T>(0);
  const T* input = call.buffer<T>(1);
  int64 size = 1;
  for (int axis = 0; axis < 8; ++axis) size *= call.integer(axis);
  for (int64 i = 0; i < size; ++i) {
    int64 rest = i, offset = 0;
    for (int axis = 7; axis >= 0; --axis) {
      const int64 dimension = call.integer(axis);
      offset += (rest % dimension) * call.integer(8 + axis);
      rest /= dimension;
    }
    std::memcpy(output + i, input + offset, sizeof(T));
  }
}

template <class T> void gatherTokens(const Call& call) {
  T* output = call.buffer<T>(0);
  const T* input = call.buffer<T>(1);
  const int* indices = call.buffer<int>(2);
  const int64 batch = call.integer(0), inputTokens = call.integer(1), outputTokens = call.integer(2);
  const int64 width = call.integer(3), inputBatchStride = call.integer(4);
  if (!indicesAreInside(call, indices, batch * outputTokens, inputTokens)) return;
  if (width == 0) return;
  for (int64 b = 0; b < batch; ++b)
    for (int64 k = 0; k < outputTokens; ++k)
      std::memcpy(output + (b * outputTokens + k) * width,
                  input + b * inputBatchStride + indices[b * outputTokens + k] * width,
                  static_cast<size_t>(width) * sizeof(T));
}

template <class T> void scatterAddTokens(const Call& call) {
  T* output = call.buffer<T>(0);
  const T* input = call.buffer<T>(1);
  const int* indices = call.buffer<int>(2);
  const int64 batch = call.integer(0), outputTokens = call.integer(1), inputTokens = call.integer(2);
  const int64 width = call.integer(3), outputBatchStride = call.integer(4);
  if (!indicesAreInside(call, indices, batch * inputTokens, outputTokens)) return;
  for (int64 b = 0; b < batch; ++b)
    for (int64 k = 0; k < inputTokens; ++k) {
      T* to = output + b * outputBatchStride + indices[b * inputTokens + k] * width;
      const T* from = input + (b * inputTokens + k) * width;
      for (int64 i = 0; i < width; ++i) to[i] += from[i];
    }
}

template <class T> void gatherIntegers(const Call& call) {
  int* output = call.buffer<int>(0);
  const int* input = call.buffer<int>(1);
  const int* indices = call.buffer<int>(2);
  const int64 batch = call.integer(0), inputColumns = call.integer(1), outputColumns = call.integer(2);
  if (!indicesAreInside(call, indices, batch * outputColumns, inputColumns)) return;
  for (int64 b = 0; b < batch; ++b)
    for (int64 k = 0; k < outputColumns; ++k)
      output[b * outputColumns + k] = input[b * inputColumns + indices[b * outputColumns + k]];
}

}  // namespace splitmask::naive

NAIVE_KERNEL(fill)
NAIVE_KERNEL(copyBytes)
NAIVE_KERNEL(copyBlocks)
NAIVE_KERNEL(permute)
NAIVE_KERNEL(gatherTokens)
NAIVE_KERNEL(scatterAddTokens)
NAIVE_KERNEL(gatherIntegers)
