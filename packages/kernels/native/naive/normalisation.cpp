// Layer norm, L2 normalisation and softmax by rows, with their gradients.
#include <cmath>
#include <limits>

#include "../ordering.h"
#include "naive.h"

namespace splitmask::naive {

template <class T> void layerNorm(const Call& call) {
  T* output = call.buffer<T>(0);
  T* means = call.buffer<T>(1);
  T* rstds = call.buffer<T>(2);
  const T* input = call.buffer<T>(3);
  const T* weight = call.buffer<T>(4);
  const T* bias = call.buffer<T>(5);
  const int64 rows = call.integer(0), columns = call.integer(1);
  const double epsilon = call.number(2);
  for (int64 r = 0; r < rows; ++r) {
    const T* x = input + r * columns;
    double sum = 0, squares = 0;
    for (int64 c = 0; c < columns; ++c) sum += x[c];
    const double mean = sum / static_cast<double>(columns);
    for (int64 c = 0; c < columns; ++c) squares += (x[c] - mean) * (x[c] - mean);
    const double rstd = 1 / std::sqrt(squares / static_cast<double>(columns) + epsilon);
    means[r] = static_cast<T>(mean);
    rstds[r] = static_cast<T>(rstd);
    for (int64 c = 0; c < columns; ++c) {
      const double normal = (x[c] - mean) * rstd;
      output[r * columns + c] = static_cast<T>(normal * (weight ? weight[c] : T(1)) + (bias ? bias[c] : T(0)));
    }
  }
}

// With x̂ = (x − mean)·rstd and h = g·weight: dx = rstd·(h − mean(h) − x̂·mean(h·x̂)), dweight = Σ g·x̂, dbias = Σ g.
template <class T> void layerNormBackward(const Call& call) {
  T* inputGradient = call.buffer<T>(0);
  T* weightGradient = call.buffer<T>(1);
  T* biasGradient = call.buffer<T>(2);
  const T* outputGradient = call.buffer<T>(3);
  const T* input = call.buffer<T>(4);
  const T* means = call.buffer<T>(5);
  const T* rstds = call.buffer<T>(6);
  const T* weight = call.buffer<T>(7);
  const int64 rows = call.integer(0), columns = call.integer(1);
  for (int64 c = 0; c < columns; ++c) {
    double weightSum = 0, biasSum = 0;
    for (int64 r = 0; r < rows; ++r) {
      const double g = outputGradient[r * columns + c];
      weightSum += g * (static_cast<double>(input[r * columns + c]) - means[r]) * rstds[r];
      biasSum += g;
    }
    if (weightGradient) weightGradient[c] = static_cast<T>(weightSum);
    if (biasGradient) biasGradient[c] = static_cast<T>(biasSum);
  }
  for (int64 r = 0; r < rows; ++r) {
    const T* x = input + r * columns;
    const T* g = outputGradient + r * columns;
    const double mean = means[r], rstd = rstds[r];
    double sum = 0, product = 0;
    for (int64 c = 0; c < columns; ++c) {
      const double h = static_cast<double>(g[c]) * (weight ? weight[c] : T(1));
      sum += h;
      product += h * (x[c] - mean) * rstd;
    }
    sum /= static_cast<double>(columns);
    product /= static_cast<double>(columns);
    for (int64 c = 0; c < columns; ++c) {
      const double h = static_cast<double>(g[c]) * (weight ? weight[c] : T(1));
      inputGradient[r * columns + c] = static_cast<T>(rstd * (h - sum - (x[c] - mean) * rstd * product));
    }
  }
}

template <class T> void l2Normalize(const Call& call) {
  T* output = call.buffer<T>(0);
  T* norms = call.buffer<T>(1);
  const T* input = call.buffer<T>(2);
  const int64 rows = call.integer(0), columns = call.integer(1);
  const double epsilon = call.number(2);
  for (int64 r = 0; r < rows; ++r) {
    double squares = 0;
    for (int64 c = 0; c < columns; ++c) squares += static_cast<double>(input[r * columns + c]) * input[r * columns + c];
    const double norm = std::sqrt(squares), denominator = norm < epsilon ? epsilon : norm;  // NaN stays NaN
    norms[r] = static_cast<T>(denominator);
    for (int64 c = 0; c < columns; ++c) output[r * columns + c] = static_cast<T>(input[r * columns + c] / denominator);
  }
}

// y = x/n: dx = (g − y·(g·y))/n; below epsilon n is a constant: dx = g/epsilon.
template <class T> void l2NormalizeBackward(const Call& call) {
  T* inputGradient = call.buffer<T>(0);
  const T* outputGradient = call.buffer<T>(1);
  const T* output = call.buffer<T>(2);
  const T* norms = call.buffer<T>(3);
  const int64 rows = call.integer(0), columns = call.integer(1);
  const T epsilon = static_cast<T>(call.number(2));
  for (int64 r = 0; r < rows; ++r) {
    const T* g = outputGradient + r * columns;
    const T* y = output + r * columns;
    double dot = 0;
    if (!(norms[r] <= epsilon))
      for (int64 c = 0; c < columns; ++c) dot += static_cast<double>(g[c]) * y[c];
    for (int64 c = 0; c < columns; ++c) inputGradient[r * columns + c] = static_cast<T>((g[c] - y[c] * dot) / norms[r]);
  }
}

template <class T> void softmax(const Call& call) {
  T* output = call.buffer<T>(0);
  const T* input = call.buffer<T>(1);
  const int64 rows = call.integer(0), columns = call.integer(1);
  const bool logarithm = call.integer(2) != 0;
  for (int64 r = 0; r < rows; ++r) {
    const T* x = input + r * columns;
    T* y = output + r * columns;
    T largest = -std::numeric_limits<T>::infinity();
    for (int64 c = 0; c < columns; ++c)
      if (isGreater(x[c], largest)) largest = x[c];
    double sum = 0;
    for (int64 c = 0; c < columns; ++c) sum += std::exp(static_cast<double>(x[c]) - largest);
    const double logSum = std::log(sum);
    for (int64 c = 0; c < columns; ++c) {
      const double shifted = static_cast<double>(x[c]) - largest;
      y[c] = static_cast<T>(logarithm ? shifted - logSum : std::exp(shifted) / sum);
    }
  }
}

template <class T> void softmaxBackward(const Call& call) {
  T* inputGradient = call.buffer<T>(0);
  const T* outputGradient = call.buffer<T>(1);
  const T* output = call.buffer<T>(2);
  const int64 rows = call.integer(0), columns = call.integer(1);
  const bool logarithm = call.integer(2) != 0;
  for (int64 r = 0; r < rows; ++r) {
    const T* g = outputGradient + r * columns;
    const T* y = output + r * columns;
    double sum = 0;
    for (int64 c = 0; c < columns; ++c) sum += logarithm ? static_cast<double>(g[c]) : static_cast<double>(g[c]) * y[c];
    for (int64 c = 0; c < columns; ++c)
      inputGradient[r * columns + c] = static_cast<T>(logarithm ? g[c] - std::exp(static_cast<double>(y[c])) * sum : y[c] * (g[c] - sum));
  }
}

}  // namespace splitmask::naive

NAIVE_KERNEL(layerNorm)
NAIVE_KERNEL(layerNormBackward)
NAIVE_KERNEL(l2Normalize)
NAIVE_KERNEL(l2NormalizeBackward)
NAIVE_KERNEL(softmax)
NAIVE_KERNEL(softmaxBackward)
