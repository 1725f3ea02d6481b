// Movement of elements: fill, copies, permutation, tokens by index.
#include "../generated/movement.h"
#include "../indices.h"
#include "naive.h"
#include "strided.h"

#include <cstring>

namespace splitmask::naive {

template <class T> void fill(const Fill<T>& call) {
  const T value = static_cast<T>(call.value);
  for (int64 i = 0; i < call.size; ++i) call.output[i] = value;
}

template <class T> void copyBytes(const CopyBytes<T>& call) {
  if (call.bytes > 0) std::memmove(call.output, call.input, static_cast<size_t>(call.bytes));
}

template <class T> void copyBlocks(const CopyBlocks<T>& call) {
  T* output = call.output + call.outputOffset;
  const T* input = call.input + call.inputOffset;
  for (int64 o = 0; o < call.outer; ++o) {
    T* to = output + o * call.outputStride;
    const T* from = input + o * call.inputStride;
    if (call.inner > 0) std::memcpy(to, from, static_cast<size_t>(call.inner) * sizeof(T));
  }
}

template <class T> void permute(const Permute<T>& call) {
  overElements<1>(call.dimensions, {call.inputStrides},
                  [&](int64 i, const int64* at) { std::memcpy(call.output + i, call.input + at[0], sizeof(T)); });
}

template <class T> void gatherTokens(const GatherTokens<T>& call) {
  if (!indicesAreInside(call, call.indices, call.batch * call.outputTokens, call.inputTokens)) return;
  if (call.width == 0) return;
  for (int64 b = 0; b < call.batch; ++b)
    for (int64 k = 0; k < call.outputTokens; ++k)
      std::memcpy(call.output + (b * call.outputTokens + k) * call.width,
                  call.input + b * call.inputBatchStride + call.indices[b * call.outputTokens + k] * call.width,
                  static_cast<size_t>(call.width) * sizeof(T));
}

template <class T> void scatterAddTokens(const ScatterAddTokens<T>& call) {
  if (!indicesAreInside(call, call.indices, call.batch * call.inputTokens, call.outputTokens)) return;
  for (int64 b = 0; b < call.batch; ++b)
    for (int64 k = 0; k < call.inputTokens; ++k) {
      T* to = call.output + b * call.outputBatchStride + call.indices[b * call.inputTokens + k] * call.width;
      const T* from = call.input + (b * call.inputTokens + k) * call.width;
      for (int64 i = 0; i < call.width; ++i) to[i] += from[i];
    }
}

template <class T> void gatherIntegers(const GatherIntegers<T>& call) {
  if (!indicesAreInside(call, call.indices, call.batch * call.outputColumns, call.inputColumns)) return;
  for (int64 b = 0; b < call.batch; ++b)
    for (int64 k = 0; k < call.outputColumns; ++k)
      call.output[b * call.outputColumns + k] =
          call.input[b * call.inputColumns + call.indices[b * call.outputColumns + k]];
}

}  // namespace splitmask::naive

NAIVE_KERNEL(fill, Fill)
NAIVE_KERNEL(copyBytes, CopyBytes)
NAIVE_KERNEL(copyBlocks, CopyBlocks)
NAIVE_KERNEL(permute, Permute)
NAIVE_KERNEL(gatherTokens, GatherTokens)
NAIVE_KERNEL(scatterAddTokens, ScatterAddTokens)
NAIVE_KERNEL(gatherIntegers, GatherIntegers)
