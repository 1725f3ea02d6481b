// Cross-entropy with one class or a distribution over classes a row, label smoothing, an optional left-out diagonal, and the gradient of the logits.
#include <algorithm>
#include <cmath>
#include <limits>

#include "../indices.h"
#include "../ordering.h"
#include "naive.h"

namespace splitmask::naive {

template <class T> void crossEntropy(const Call& call) {
  T* losses = call.buffer<T>(0);
  T* gradient = call.buffer<T>(1);
  const T* logits = call.buffer<T>(2);
  const int* targets = call.buffer<int>(3);
  const int64 rows = call.integer(0), columns = call.integer(1);
  const double smoothing = call.number(2), gradientScale = call.number(3);
  const int64 excludeDiagonal = call.integer(4);
  if (!indicesAreInside(call, targets, rows, columns, true)) return;
  for (int64 r = 0; r < rows; ++r) {
    const int64 excluded = excludeDiagonal >= 0 && r + excludeDiagonal < columns ? r + excludeDiagonal : -1;
    const int64 target = targets[r];
    if (target == noIndex) {
      losses[r] = std::numeric_limits<T>::quiet_NaN();
      if (gradient) std::fill(gradient + r * columns, gradient + (r + 1) * columns, losses[r]);
      continue;
    }
    if (target == excluded)
      return call.fail(call, "target {given} of a row is the column that excludeDiagonal leaves out of it", static_cast<double>(target), -1);
    const T* x = logits + r * columns;
    T largest = -std::numeric_limits<T>::infinity();
    for (int64 c = 0; c < columns; ++c)
      if (c != excluded && isGreater(x[c], largest)) largest = x[c];
    double sum = 0, shiftedSum = 0;
    for (int64 c = 0; c < columns; ++c) {
      if (c == excluded) continue;
      const double shifted = static_cast<double>(x[c]) - largest;
      sum += std::exp(shifted);
      shiftedSum += shifted;
    }
    const double share = smoothing / static_cast<double>(columns - (excluded >= 0 ? 1 : 0));
    double loss = std::log(sum) - (1 - smoothing) * (static_cast<double>(x[target]) - largest);
    if (smoothing != 0) loss -= share * shiftedSum;  // skipped at 0, where −∞ logits would make it NaN
    losses[r] = static_cast<T>(loss);
    if (!gradient) continue;
    for (int64 c = 0; c < columns; ++c) {
      const double q = (c == target ? 1 - smoothing : 0) + share;
      const double probability = std::exp(static_cast<double>(x[c]) - largest) / sum;
      gradient[r * columns + c] = c == excluded ? T(0) : static_cast<T>((probability - q) * gradientScale);
    }
  }
}

template <class T> void softCrossEntropy(const Call& call) {
  T* losses = call.buffer<T>(0);
  T* gradient = call.buffer<T>(1);
  const T* logits = call.buffer<T>(2);
  const T* targets = call.buffer<T>(3);
  const int64 rows = call.integer(0), columns = call.integer(1);
  const double smoothing = call.number(2), gradientScale = call.number(3);
  const double share = smoothing / static_cast<double>(columns);
  for (int64 r = 0; r < rows; ++r) {
    const T* x = logits + r * columns;
    T largest = -std::numeric_limits<T>::infinity();
    for (int64 c = 0; c < columns; ++c)
      if (isGreater(x[c], largest)) largest = x[c];
    double sum = 0, total = 0, product = 0;
    for (int64 c = 0; c < columns; ++c) {
      const double shifted = static_cast<double>(x[c]) - largest, q = (1 - smoothing) * targets[r * columns + c] + share;
      sum += std::exp(shifted);
      total += q;
      if (q != 0) product += q * shifted;  // −∞ logits that nobody wants would make it NaN
    }
    losses[r] = static_cast<T>(total * std::log(sum) - product);
    if (!gradient) continue;
    for (int64 c = 0; c < columns; ++c) {
      const double q = (1 - smoothing) * targets[r * columns + c] + share;
      gradient[r * columns + c] = static_cast<T>((total * std::exp(static_cast<double>(x[c]) - largest) / sum - q) * gradientScale);
    }
  }
}

}  // namespace splitmask::naive

NAIVE_KERNEL(crossEntropy)
NAIVE_KERNEL(softCrossEntropy)
