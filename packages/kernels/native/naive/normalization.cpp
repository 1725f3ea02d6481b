// Layer norm, L2 normalization and softmax by rows, with their gradients.
#include <cmath>
#include <limits>

#include "../generated/normalization.h"
#include "../ordering.h"
#include "bfloat16.h"
#include "naive.h"

namespace splitmask::naive {

template <class T> void layerNorm(const LayerNorm<T>& call) {
  for (int64 r = 0; r < call.rows; ++r) {
    const T* x = call.input + r * call.columns;
    double sum = 0, squares = 0;
    for (int64 c = 0; c < call.columns; ++c) sum += x[c];
    const double mean = sum / static_cast<double>(call.columns);
    for (int64 c = 0; c < call.columns; ++c) squares += (x[c] - mean) * (x[c] - mean);
    const double rstd = 1 / std::sqrt(squares / static_cast<double>(call.columns) + call.epsilon);
    call.mean[r] = static_cast<T>(mean);
    call.rstd[r] = static_cast<T>(rstd);
    for (int64 c = 0; c < call.columns; ++c) {
      const double normal = (x[c] - mean) * rstd;
      const double value = normal * (call.weight ? call.weight[c] : T(1)) + (call.bias ? call.bias[c] : T(0));
      setElement(call.output, call.outputType, r * call.columns + c, static_cast<T>(value));
    }
  }
}

// With x̂ = (x − mean)·rstd and h = g·weight: dx = rstd·(h − mean(h) − x̂·mean(h·x̂)), dweight = Σ g·x̂, dbias = Σ g.
template <class T> void layerNormBackward(const LayerNormBackward<T>& call) {
  for (int64 c = 0; c < call.columns; ++c) {
    double weightSum = 0, biasSum = 0;
    for (int64 r = 0; r < call.rows; ++r) {
      const double g = call.outputGradient[r * call.columns + c];
      weightSum += g * (static_cast<double>(call.input[r * call.columns + c]) - call.mean[r]) * call.rstd[r];
      biasSum += g;
    }
    if (call.weightGradient) call.weightGradient[c] = static_cast<T>(weightSum);
    if (call.biasGradient) call.biasGradient[c] = static_cast<T>(biasSum);
  }
  for (int64 r = 0; r < call.rows; ++r) {
    const T* x = call.input + r * call.columns;
    const T* g = call.outputGradient + r * call.columns;
    const double mean = call.mean[r], rstd = call.rstd[r];
    double sum = 0, product = 0;
    for (int64 c = 0; c < call.columns; ++c) {
      const double h = static_cast<double>(g[c]) * (call.weight ? call.weight[c] : T(1));
      sum += h;
      product += h * (x[c] - mean) * rstd;
    }
    sum /= static_cast<double>(call.columns);
    product /= static_cast<double>(call.columns);
    for (int64 c = 0; c < call.columns; ++c) {
      const double h = static_cast<double>(g[c]) * (call.weight ? call.weight[c] : T(1));
      call.inputGradient[r * call.columns + c] = static_cast<T>(rstd * (h - sum - (x[c] - mean) * rstd * product));
    }
  }
}

template <class T> void l2Normalize(const L2Normalize<T>& call) {
  for (int64 r = 0; r < call.rows; ++r) {
    double squares = 0;
    for (int64 c = 0; c < call.columns; ++c)
      squares += static_cast<double>(call.input[r * call.columns + c]) * call.input[r * call.columns + c];
    const double norm = std::sqrt(squares), denominator = norm < call.epsilon ? call.epsilon : norm;  // NaN stays NaN
    call.norms[r] = static_cast<T>(denominator);
    for (int64 c = 0; c < call.columns; ++c)
      call.output[r * call.columns + c] = static_cast<T>(call.input[r * call.columns + c] / denominator);
  }
}

// y = x/n: dx = (g − y·(g·y))/n; below epsilon n is a constant: dx = g/epsilon.
template <class T> void l2NormalizeBackward(const L2NormalizeBackward<T>& call) {
  const T epsilon = static_cast<T>(call.epsilon);
  for (int64 r = 0; r < call.rows; ++r) {
    const T* g = call.outputGradient + r * call.columns;
    const T* y = call.output + r * call.columns;
    double dot = 0;
    if (!(call.norms[r] <= epsilon))
      for (int64 c = 0; c < call.columns; ++c) dot += static_cast<double>(g[c]) * y[c];
    for (int64 c = 0; c < call.columns; ++c)
      call.inputGradient[r * call.columns + c] = static_cast<T>((g[c] - y[c] * dot) / call.norms[r]);
  }
}

template <class T> void softmax(const Softmax<T>& call) {
  for (int64 r = 0; r < call.rows; ++r) {
    const T* x = call.input + r * call.columns;
    T* y = call.output + r * call.columns;
    T largest = -std::numeric_limits<T>::infinity();
    for (int64 c = 0; c < call.columns; ++c)
      if (isGreater(x[c], largest)) largest = x[c];
    double sum = 0;
    for (int64 c = 0; c < call.columns; ++c) sum += std::exp(static_cast<double>(x[c]) - largest);
    const double logSum = std::log(sum);
    for (int64 c = 0; c < call.columns; ++c) {
      const double shifted = static_cast<double>(x[c]) - largest;
      y[c] = static_cast<T>(call.logarithm ? shifted - logSum : std::exp(shifted) / sum);
    }
  }
}

template <class T> void softmaxBackward(const SoftmaxBackward<T>& call) {
  for (int64 r = 0; r < call.rows; ++r) {
    const T* g = call.outputGradient + r * call.columns;
    const T* y = call.output + r * call.columns;
    double sum = 0;
    for (int64 c = 0; c < call.columns; ++c)
      sum += call.logarithm ? static_cast<double>(g[c]) : static_cast<double>(g[c]) * y[c];
    for (int64 c = 0; c < call.columns; ++c)
      call.inputGradient[r * call.columns + c] =
          static_cast<T>(call.logarithm ? g[c] - std::exp(static_cast<double>(y[c])) * sum : y[c] * (g[c] - sum));
  }
}

}  // namespace splitmask::naive

NAIVE_KERNEL(layerNorm, LayerNorm)
NAIVE_KERNEL(layerNormBackward, LayerNormBackward)
NAIVE_KERNEL(l2Normalize, L2Normalize)
NAIVE_KERNEL(l2NormalizeBackward, L2NormalizeBackward)
NAIVE_KERNEL(softmax, Softmax)
NAIVE_KERNEL(softmaxBackward, SoftmaxBackward)
