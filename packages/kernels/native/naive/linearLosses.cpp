// Cross-entropy of a linear layer's outputs as its definition says, a row at a time.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "../generated/linearLosses.h"
#include "../indices.h"
#include "../ordering.h"
#include "naive.h"
#include "roundedTo.h"

namespace splitmask::naive {

template <class T> void linearCrossEntropy(const LinearCrossEntropy<T>& call) {
  if (!indicesAreInside(call, call.targets, call.rows, call.columns, true)) return;
  const int64 columns = call.columns, inner = call.inner;
  const ProductPrecision precision = call.precision;
  const double share = call.smoothing / static_cast<double>(columns);
  if (call.weightGradient) std::fill(call.weightGradient, call.weightGradient + columns * inner, T(0));
  if (call.biasGradient) std::fill(call.biasGradient, call.biasGradient + columns, T(0));
  std::vector<T> d(static_cast<size_t>(columns));  // at first the logits
  for (int64 r = 0; r < call.rows; ++r) {
    const T* x = call.x + r * inner;
    T largest = -std::numeric_limits<T>::infinity();
    for (int64 c = 0; c < columns; ++c) {
      T sum = 0;
      for (int64 i = 0; i < inner; ++i)
        sum += roundedTo(precision, x[i]) * roundedTo(precision, call.weight[c * inner + i]);
      d[c] = call.bias ? sum + call.bias[c] : sum;
      if (isGreater(d[c], largest)) largest = d[c];
    }
    double sum = 0, shiftedSum = 0;
    for (int64 c = 0; c < columns; ++c) {
      sum += std::exp(static_cast<double>(d[c]) - largest);
      shiftedSum += static_cast<double>(d[c]) - largest;
    }
    const int64 target = call.targets[r];
    if (target == noIndex) {
      call.losses[r] = std::numeric_limits<T>::quiet_NaN();
    } else {
      double loss = std::log(sum) - (1 - call.smoothing) * (static_cast<double>(d[target]) - largest);
      if (call.smoothing != 0) loss -= share * shiftedSum;  // skipped at 0, where −∞ logits would make it NaN
      call.losses[r] = static_cast<T>(loss);
    }
    for (int64 c = 0; c < columns; ++c) {
      const double q = (c == target ? 1 - call.smoothing : 0) + share;
      const double probability = std::exp(static_cast<double>(d[c]) - largest) / sum;
      d[c] = target == noIndex ? call.losses[r] : static_cast<T>((probability - q) * call.gradientScale);
    }
    if (call.xGradient) {
      T* gradient = call.xGradient + r * inner;
      std::fill(gradient, gradient + inner, T(0));
      for (int64 c = 0; c < columns; ++c)
        for (int64 i = 0; i < inner; ++i)
          gradient[i] += roundedTo(precision, d[c]) * roundedTo(precision, call.weight[c * inner + i]);
    }
    if (call.weightGradient)
      for (int64 c = 0; c < columns; ++c)
        for (int64 i = 0; i < inner; ++i)
          call.weightGradient[c * inner + i] += roundedTo(precision, d[c]) * roundedTo(precision, x[i]);
    if (call.biasGradient)
      for (int64 c = 0; c < columns; ++c) call.biasGradient[c] += d[c];
  }
}

}  // namespace splitmask::naive

NAIVE_KERNEL(linearCrossEntropy, LinearCrossEntropy)
