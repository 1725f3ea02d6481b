// gemm and gemmArgmax as their definitions say, one dot product an element: what the fast versions are tested against.
#include <cstdint>
#include <cstring>
#include <limits>

#include "../indices.h"
#include "naive.h"

namespace splitmask::naive {

// The nearest bfloat16, ties to even; below the smallest normal number zero; NaN stays NaN. A float64 is rounded to float32 first.
static float roundToBfloat16(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  if (value != value) return value;
  bits = (bits & 0x7f800000u) == 0 ? bits & 0x80000000u : (bits + 0x7fffu + (bits >> 16 & 1)) & 0xffff0000u;
  std::memcpy(&value, &bits, 4);
  return value;
}

template <class T> static T normalDistribution(T x) { return T(0.5) * (T(1) + std::erf(x * T(0.70710678118654752440))); }

template <class T> void gemm(const Call& call) {
  T* output = call.buffer<T>(0);
  const T* a = call.buffer<T>(1);
  const T* b = call.buffer<T>(2);
  const T* bias = call.buffer<T>(3);
  const T* residual = call.buffer<T>(4);
  const T* preActivation = call.buffer<T>(5);
  const int64 m = call.integer(0), n = call.integer(1), k = call.integer(2), batch = call.integer(3);
  const bool transposeA = call.integer(4) != 0, transposeB = call.integer(5) != 0;
  const T alpha = static_cast<T>(call.number(6)), beta = static_cast<T>(call.number(7));
  const int64 activation = call.integer(8);
  const int64 aLeading = call.integer(9), bLeading = call.integer(10), outputLeading = call.integer(11);
  const int64 aBatch = call.integer(12), bBatch = call.integer(13), outputBatch = call.integer(14);
  const int64 aRow = transposeA ? 1 : aLeading, aInner = transposeA ? aLeading : 1;
  const int64 bInner = transposeB ? 1 : bLeading, bColumn = transposeB ? bLeading : 1;
  const bool bfloat16 = call.integer(15) == 1;
  const auto multiplied = [=](T value, bool activate) {
    if (activate) value *= normalDistribution(value);
    return bfloat16 ? T(roundToBfloat16(static_cast<float>(value))) : value;
  };
  parallelFor(call, batch * m, [&](int64 task, int) {
    const int64 z = task / m, row = task % m;
    const T* aLine = a + z * aBatch + row * aRow;
    for (int64 column = 0; column < n; ++column) {
      const T* bLine = b + z * bBatch + column * bColumn;
      T sum = 0;
      for (int64 inner = 0; inner < k; ++inner) {
        sum += multiplied(aLine[inner * aInner], activation == 1) * multiplied(bLine[inner * bInner], activation == 2);
      }
      const int64 place = z * outputBatch + row * outputLeading + column;
      T value = alpha * sum;
      if (bias) value += bias[column];
      if (preActivation) {
        const T z = preActivation[place];
        value *= normalDistribution(z) + z * std::exp(T(-0.5) * z * z) * T(0.39894228040143267794);
      }
      if (residual) value += residual[place];
      output[place] = beta == T(0) ? value : beta * output[place] + value;
    }
  });
}

// A NaN counts as larger than any number; the first of equals wins; a row whose largest is not finite has no index.
template <class T> void gemmArgmax(const Call& call) {
  int* output = call.buffer<int>(0);
  T* best = call.buffer<T>(1);
  const T* a = call.buffer<T>(2);
  const T* b = call.buffer<T>(3);
  const T* bias = call.buffer<T>(4);
  const int64 m = call.integer(0), n = call.integer(1), k = call.integer(2);
  parallelFor(call, m, [&](int64 row, int) {
    T largest = -std::numeric_limits<T>::infinity();
    int index = 0;
    for (int64 column = 0; column < n; ++column) {
      T value = 0;
      for (int64 inner = 0; inner < k; ++inner) value += a[row * k + inner] * b[column * k + inner];
      if (bias) value += bias[column];
      if (value > largest || (value != value && largest == largest)) {
        largest = value;
        index = static_cast<int>(column);
      }
    }
    output[row] = std::isfinite(largest) ? index : noIndex;
    if (best) best[row] = largest;
  });
}

}  // namespace splitmask::naive

NAIVE_KERNEL(gemm)
NAIVE_KERNEL(gemmArgmax)
