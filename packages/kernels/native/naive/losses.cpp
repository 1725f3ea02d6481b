// Cross-entropy with one class or a distribution over classes a row, label smoothing, an optional left-out diagonal,
// and the gradient of the logits.
#include <algorithm>
#include <cmath>
#include <limits>

#include "../generated/losses.h"
#include "../indices.h"
#include "../ordering.h"
#include "naive.h"

namespace splitmask::naive {

template <class T> void crossEntropy(const CrossEntropy<T>& call) {
  if (!indicesAreInside(call, call.targets, call.rows, call.columns, true)) return;
  for (int64 r = 0; r < call.rows; ++r) {
    const int64 excluded =
        call.excludeDiagonal >= 0 && r + call.excludeDiagonal < call.columns ? r + call.excludeDiagonal : -1;
    const int64 target = call.targets[r];
    if (target == noIndex) {
      call.losses[r] = std::numeric_limits<T>::quiet_NaN();
      if (call.gradient)
        std::fill(call.gradient + r * call.columns, call.gradient + (r + 1) * call.columns, call.losses[r]);
      continue;
    }
    if (target == excluded)
      return call.fail(call, "target {given} of a row is the column that excludeDiagonal leaves out of it",
                       static_cast<double>(target), -1);
    const T* x = call.logits + r * call.columns;
    T largest = -std::numeric_limits<T>::infinity();
    for (int64 c = 0; c < call.columns; ++c)
      if (c != excluded && isGreater(x[c], largest)) largest = x[c];
    double sum = 0, shiftedSum = 0;
    for (int64 c = 0; c < call.columns; ++c) {
      if (c == excluded) continue;
      const double shifted = static_cast<double>(x[c]) - largest;
      sum += std::exp(shifted);
      shiftedSum += shifted;
    }
    const double share = call.smoothing / static_cast<double>(call.columns - (excluded >= 0 ? 1 : 0));
    double loss = std::log(sum) - (1 - call.smoothing) * (static_cast<double>(x[target]) - largest);
    if (call.smoothing != 0) loss -= share * shiftedSum;  // skipped at 0, where −∞ logits would make it NaN
    call.losses[r] = static_cast<T>(loss);
    if (!call.gradient) continue;
    for (int64 c = 0; c < call.columns; ++c) {
      const double q = (c == target ? 1 - call.smoothing : 0) + share;
      const double probability = std::exp(static_cast<double>(x[c]) - largest) / sum;
      call.gradient[r * call.columns + c] =
          c == excluded ? T(0) : static_cast<T>((probability - q) * call.gradientScale);
    }
  }
}

template <class T> void softCrossEntropy(const SoftCrossEntropy<T>& call) {
  const double share = call.smoothing / static_cast<double>(call.columns);
  for (int64 r = 0; r < call.rows; ++r) {
    const T* x = call.logits + r * call.columns;
    T largest = -std::numeric_limits<T>::infinity();
    for (int64 c = 0; c < call.columns; ++c)
      if (isGreater(x[c], largest)) largest = x[c];
    double sum = 0, total = 0, product = 0;
    for (int64 c = 0; c < call.columns; ++c) {
      const double shifted = static_cast<double>(x[c]) - largest,
                   q = (1 - call.smoothing) * call.targets[r * call.columns + c] + share;
      sum += std::exp(shifted);
      total += q;
      if (q != 0) product += q * shifted;  // −∞ logits that nobody wants would make it NaN
    }
    call.losses[r] = static_cast<T>(total * std::log(sum) - product);
    if (!call.gradient) continue;
    for (int64 c = 0; c < call.columns; ++c) {
      const double q = (1 - call.smoothing) * call.targets[r * call.columns + c] + share;
      call.gradient[r * call.columns + c] =
          static_cast<T>((total * std::exp(static_cast<double>(x[c]) - largest) / sum - q) * call.gradientScale);
    }
  }
}

}  // namespace splitmask::naive

NAIVE_KERNEL(crossEntropy, CrossEntropy)
NAIVE_KERNEL(softCrossEntropy, SoftCrossEntropy)
