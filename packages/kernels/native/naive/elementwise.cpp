// Elementwise kernels: binary with broadcasting, unary and its gradient, affine, row and column scales.
#include <cmath>

#include "../ordering.h"
#include "naive.h"

namespace splitmask::naive {

namespace {

template <class T> T apply(int operation, T a, T b) {
  switch (operation) {
    case 0: return a + b;
    case 1: return a - b;
    case 2: return a * b;
    case 3: return a / b;
    case 4: return isGreater(a, b) ? a : b;            // a NaN wins, as in torch.maximum
    default: return a < b || a != a ? a : b;           // likewise in torch.minimum
  }
}

constexpr double rootOfHalf = 0.70710678118654752440;
constexpr double inverseRootOfTwoPi = 0.39894228040143267794;
constexpr double twoOverRootOfPi = 1.12837916709551257390;

template <class T> T sigmoid(T x) { return 1 / (1 + std::exp(-x)); }

template <class T> T value(int operation, T x) {
  switch (operation) {
    case 0: return -x;
    case 1: return std::exp(x);
    case 2: return std::log(x);
    case 3: return std::sqrt(x);
    case 4: return 1 / std::sqrt(x);
    case 5: return x * x;
    case 6: return 1 / x;
    case 7: return std::tanh(x);
    case 8: return sigmoid(x);
    case 9: return x <= 0 ? T(0) : x;
    case 10: return T(0.5) * x * (1 + std::erf(x * T(rootOfHalf)));
    case 11: return std::abs(x);
    case 12: return x == 0 ? T(0) : x * std::log(x);
    default: return std::erf(x);
  }
}

template <class T> T derivative(int operation, T x) {
  switch (operation) {
    case 0: return -1;
    case 1: return std::exp(x);
    case 2: return 1 / x;
    case 3: return T(0.5) / std::sqrt(x);
    case 4: return T(-0.5) / (x * std::sqrt(x));
    case 5: return 2 * x;
    case 6: return -1 / (x * x);
    case 7: { const T y = std::tanh(x); return 1 - y * y; }
    case 8: { const T y = sigmoid(x); return y * (1 - y); }
    case 9: return x <= 0 ? T(0) : T(1);
    case 10:
      return T(0.5) * (1 + std::erf(x * T(rootOfHalf))) + x * T(inverseRootOfTwoPi) * std::exp(T(-0.5) * x * x);
    case 11: return T((x > 0) - (x < 0));
    case 12: return std::log(x) + 1;
    default: return T(twoOverRootOfPi) * std::exp(-x * x);
  }
}

}  // namespace

template <class T> void binary(const Call& call) {
  T* output = call.buffer<T>(0);
  const T* a = call.buffer<T>(1);
  const T* b = call.buffer<T>(2);
  const int operation = static_cast<int>(call.integer(0));
  int64 size = 1;
  for (int axis = 0; axis < 8; ++axis) size *= call.integer(1 + axis);
  for (int64 i = 0; i < size; ++i) {
    int64 rest = i, aOffset = 0, bOffset = 0;
    for (int axis = 7; axis >= 0; --axis) {
      const int64 dimension = call.integer(1 + axis), position = rest % dimension;
      aOffset += position * call.integer(9 + axis);
      bOffset += position * call.integer(17 + axis);
      rest /= dimension;
    }
    output[i] = apply(operation, a[aOffset], b[bOffset]);
  }
}

template <class T> void unary(const Call& call) {
  T* output = call.buffer<T>(0);
  const T* input = call.buffer<T>(1);
  const int operation = static_cast<int>(call.integer(0));
  const int64 size = call.integer(1);
  for (int64 i = 0; i < size; ++i) output[i] = value(operation, input[i]);
}

template <class T> void unaryBackward(const Call& call) {
  T* inputGradient = call.buffer<T>(0);
  const T* outputGradient = call.buffer<T>(1);
  const T* input = call.buffer<T>(2);
  const int operation = static_cast<int>(call.integer(0));
  const int64 size = call.integer(1);
  if (operation == 9) {  // chosen, not multiplied: an infinite gradient at a closed unit is 0, as in PyTorch
    for (int64 i = 0; i < size; ++i) inputGradient[i] = input[i] <= 0 ? T(0) : outputGradient[i];
    return;
  }
  for (int64 i = 0; i < size; ++i) inputGradient[i] = outputGradient[i] * derivative(operation, input[i]);
}

template <class T> void affine(const Call& call) {
  T* output = call.buffer<T>(0);
  const T* input = call.buffer<T>(1);
  const int64 size = call.integer(0);
  const T scale = static_cast<T>(call.number(1)), offset = static_cast<T>(call.number(2));
  for (int64 i = 0; i < size; ++i) output[i] = scale * input[i] + offset;
}

template <class T> void scaleRows(const Call& call) {
  T* output = call.buffer<T>(0);
  const T* input = call.buffer<T>(1);
  const T* rowScale = call.buffer<T>(2);
  const T* residual = call.buffer<T>(3);
  const int64 rows = call.integer(0), columns = call.integer(1);
  for (int64 r = 0; r < rows; ++r)
    for (int64 c = 0; c < columns; ++c) {
      const int64 i = r * columns + c;
      const T scaled = input[i] * rowScale[r];
      output[i] = residual ? scaled + residual[i] : scaled;
    }
}

template <class T> void scaleColumns(const Call& call) {
  T* output = call.buffer<T>(0);
  const T* input = call.buffer<T>(1);
  const T* columnScale = call.buffer<T>(2);
  const T* residual = call.buffer<T>(3);
  const int64 rows = call.integer(0), columns = call.integer(1);
  for (int64 r = 0; r < rows; ++r)
    for (int64 c = 0; c < columns; ++c) {
      const int64 i = r * columns + c;
      const T scaled = input[i] * columnScale[c];
      output[i] = residual ? scaled + residual[i] : scaled;
    }
}

}  // namespace splitmask::naive

NAIVE_KERNEL(binary)
NAIVE_KERNEL(unary)
NAIVE_KERNEL(unaryBackward)
NAIVE_KERNEL(affine)
NAIVE_KERNEL(scaleRows)
NAIVE_KERNEL(scaleColumns)
