// Elementwise kernels: binary with broadcasting, unary and its gradient, affine, row and column scales.
#include <cmath>

#include "../generated/elementwise.h"
#include "../ordering.h"
#include "bfloat16.h"
#include "naive.h"

namespace splitmask::naive {

namespace {

template <class T> T apply(BinaryOperation operation, T a, T b) {
  switch (operation) {
    case BinaryOperation::add:
      return a + b;
    case BinaryOperation::subtract:
      return a - b;
    case BinaryOperation::multiply:
      return a * b;
    case BinaryOperation::divide:
      return a / b;
    case BinaryOperation::maximum:
      return isGreater(a, b) ? a : b;  // a NaN wins, as in torch.maximum
    default:
      return a < b || a != a ? a : b;  // likewise in torch.minimum
  }
}

constexpr double rootOfHalf = 0.70710678118654752440;
constexpr double inverseRootOfTwoPi = 0.39894228040143267794;
constexpr double twoOverRootOfPi = 1.12837916709551257390;

template <class T> T sigmoid(T x) { return 1 / (1 + std::exp(-x)); }

template <class T> T value(UnaryOperation operation, T x) {
  switch (operation) {
    case UnaryOperation::negate:
      return -x;
    case UnaryOperation::exp:
      return std::exp(x);
    case UnaryOperation::log:
      return std::log(x);
    case UnaryOperation::sqrt:
      return std::sqrt(x);
    case UnaryOperation::rsqrt:
      return 1 / std::sqrt(x);
    case UnaryOperation::square:
      return x * x;
    case UnaryOperation::reciprocal:
      return 1 / x;
    case UnaryOperation::tanh:
      return std::tanh(x);
    case UnaryOperation::sigmoid:
      return sigmoid(x);
    case UnaryOperation::relu:
      return x <= 0 ? T(0) : x;
    case UnaryOperation::gelu:
      return T(0.5) * x * (1 + std::erf(x * T(rootOfHalf)));
    case UnaryOperation::absolute:
      return std::abs(x);
    case UnaryOperation::sin:
      return std::sin(x);
    case UnaryOperation::cos:
      return std::cos(x);
    case UnaryOperation::xLogX:
      return x == 0 ? T(0) : x * std::log(x);
    default:
      return std::erf(x);
  }
}

template <class T> T derivative(UnaryOperation operation, T x) {
  switch (operation) {
    case UnaryOperation::negate:
      return -1;
    case UnaryOperation::exp:
      return std::exp(x);
    case UnaryOperation::log:
      return 1 / x;
    case UnaryOperation::sqrt:
      return T(0.5) / std::sqrt(x);
    case UnaryOperation::rsqrt:
      return T(-0.5) / (x * std::sqrt(x));
    case UnaryOperation::square:
      return 2 * x;
    case UnaryOperation::reciprocal:
      return -1 / (x * x);
    case UnaryOperation::tanh: {
      const T y = std::tanh(x);
      return 1 - y * y;
    }
    case UnaryOperation::sigmoid: {
      const T y = sigmoid(x);
      return y * (1 - y);
    }
    case UnaryOperation::relu:
      return x <= 0 ? T(0) : T(1);
    case UnaryOperation::gelu:
      return T(0.5) * (1 + std::erf(x * T(rootOfHalf))) + x * T(inverseRootOfTwoPi) * std::exp(T(-0.5) * x * x);
    case UnaryOperation::absolute:
      return T((x > 0) - (x < 0));
    case UnaryOperation::sin:
      return std::cos(x);
    case UnaryOperation::cos:
      return -std::sin(x);
    case UnaryOperation::xLogX:
      return std::log(x) + 1;
    default:
      return T(twoOverRootOfPi) * std::exp(-x * x);
  }
}

}  // namespace

template <class T> void binary(const Binary<T>& call) {
  int64 size = 1;
  for (const int64 dimension : call.dimensions) size *= dimension;
  for (int64 i = 0; i < size; ++i) {
    int64 rest = i, aOffset = 0, bOffset = 0;
    for (int axis = 7; axis >= 0; --axis) {
      const int64 position = rest % call.dimensions[axis];
      aOffset += position * call.aStrides[axis];
      bOffset += position * call.bStrides[axis];
      rest /= call.dimensions[axis];
    }
    call.output[i] = apply(call.operation, call.a[aOffset], call.b[bOffset]);
  }
}

template <class T> void unary(const Unary<T>& call) {
  for (int64 i = 0; i < call.size; ++i) call.output[i] = value(call.operation, call.input[i]);
}

template <class T> void unaryBackward(const UnaryBackward<T>& call) {
  if (call.operation ==
      UnaryOperation::relu) {  // chosen, not multiplied: an infinite gradient at a closed unit is 0, as in PyTorch
    for (int64 i = 0; i < call.size; ++i) call.inputGradient[i] = call.input[i] <= 0 ? T(0) : call.outputGradient[i];
    return;
  }
  for (int64 i = 0; i < call.size; ++i)
    call.inputGradient[i] = call.outputGradient[i] * derivative(call.operation, call.input[i]);
}

template <class T> void affine(const Affine<T>& call) {
  const T scale = static_cast<T>(call.scale), offset = static_cast<T>(call.offset);
  for (int64 i = 0; i < call.size; ++i) call.output[i] = scale * call.input[i] + offset;
}

template <class T> void scaleRows(const ScaleRows<T>& call) {
  for (int64 r = 0; r < call.rows; ++r)
    for (int64 c = 0; c < call.columns; ++c) {
      const int64 i = r * call.columns + c;
      const T scaled = call.input[i] * call.rowScale[r];
      call.output[i] = call.residual ? scaled + call.residual[i] : scaled;
    }
}

template <class T> void scaleColumns(const ScaleColumns<T>& call) {
  for (int64 r = 0; r < call.rows; ++r)
    for (int64 c = 0; c < call.columns; ++c) {
      const int64 i = r * call.columns + c;
      const T scaled = call.input[i] * call.columnScale[c];
      call.output[i] = call.residual ? scaled + call.residual[i] : scaled;
    }
}

template <class T> void toBfloat16(const ToBfloat16<T>& call) {
  for (int64 i = 0; i < call.size; ++i) call.output[i] = bfloat16Of(call.input[i]);
}

template <class T> void fromBfloat16(const FromBfloat16<T>& call) {
  for (int64 i = 0; i < call.size; ++i) call.output[i] = T(floatOf(call.input[i]));
}

}  // namespace splitmask::naive

NAIVE_KERNEL(binary, Binary)
NAIVE_KERNEL(unary, Unary)
NAIVE_KERNEL(unaryBackward, UnaryBackward)
NAIVE_KERNEL(affine, Affine)
NAIVE_KERNEL(scaleRows, ScaleRows)
NAIVE_KERNEL(scaleColumns, ScaleColumns)
NAIVE_KERNEL(toBfloat16, ToBfloat16)
NAIVE_KERNEL(fromBfloat16, FromBfloat16)
