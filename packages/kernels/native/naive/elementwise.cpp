// Elementwise kernels: unary and its gradient, affine, row and column scales, bounds; with broadcasting binary and its
// gradient, comparisons and choices; casts.
#include <cmath>
#include <limits>

#include "../generated/elementwise.h"
#include "../ordering.h"
#include "bfloat16.h"
#include "naive.h"
#include "strided.h"

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
    case BinaryOperation::minimum:
      return a < b || a != a ? a : b;  // likewise in torch.minimum
    default:
      return std::pow(a, b);
  }
}

// g times the derivative; chosen, not multiplied, where that is 0.
template <class T> T gradient(BinaryDerivative operation, T g, T a, T b) {
  switch (operation) {
    case BinaryDerivative::maximum:
      return a < b ? T(0) : a == b ? g / 2 : g;
    case BinaryDerivative::minimum:
      return a > b ? T(0) : a == b ? g / 2 : g;
    case BinaryDerivative::base:
      return b == 0 ? T(0) : g * (b * std::pow(a, b - 1));
    default:
      return a == 0 && b >= 0 ? T(0) : g * (std::pow(a, b) * std::log(a));
  }
}

template <class Element> bool isTrue(Comparison operation, Element a, Element b) {
  switch (operation) {
    case Comparison::equal:
      return a == b;
    case Comparison::notEqual:
      return a != b;
    case Comparison::less:
      return a < b;
    case Comparison::lessEqual:
      return a <= b;
    case Comparison::greater:
      return a > b;
    default:
      return a >= b;
  }
}

// Element i of an array of any type as a double, which holds all of them exactly.
template <class T> double numberAt(const void* array, AnyElementType type, int64 i) {
  switch (type) {
    case AnyElementType::dtype:
      return static_cast<const T*>(array)[i];
    case AnyElementType::bfloat16:
      return floatOf(static_cast<const Bfloat16*>(array)[i]);
    case AnyElementType::float32:
      return static_cast<const float*>(array)[i];
    case AnyElementType::int32:
      return static_cast<const int*>(array)[i];
    default:
      return static_cast<const unsigned char*>(array)[i];
  }
}

int integerOf(double value) {
  constexpr int least = std::numeric_limits<int>::min(), most = std::numeric_limits<int>::max();
  if (value != value) return 0;
  return value <= least ? least : value >= most ? most : static_cast<int>(value);
}

template <class T> void setNumber(void* array, AnyElementType type, int64 i, double value) {
  switch (type) {
    case AnyElementType::dtype:
      static_cast<T*>(array)[i] = static_cast<T>(value);
      break;
    case AnyElementType::bfloat16:
      static_cast<Bfloat16*>(array)[i] = bfloat16Of(value);
      break;
    case AnyElementType::float32:
      static_cast<float*>(array)[i] = static_cast<float>(value);
      break;
    case AnyElementType::int32:
      static_cast<int*>(array)[i] = integerOf(value);
      break;
    default:
      static_cast<unsigned char*>(array)[i] = static_cast<unsigned char>(integerOf(value));
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
    case UnaryOperation::sign:
      return T((x > 0) - (x < 0));
    case UnaryOperation::floor:
      return std::floor(x);
    case UnaryOperation::ceil:
      return std::ceil(x);
    case UnaryOperation::round:
      return std::nearbyint(x);
    case UnaryOperation::trunc:
      return std::trunc(x);
    case UnaryOperation::expm1:
      return std::expm1(x);
    case UnaryOperation::log1p:
      return std::log1p(x);
    case UnaryOperation::softplus:
      return (x <= 0 ? T(0) : x) + std::log1p(std::exp(-std::abs(x)));
    case UnaryOperation::silu:
      return x / (1 + std::exp(-x));
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
    case UnaryOperation::expm1:
      return std::exp(x);
    case UnaryOperation::log1p:
      return 1 / (1 + x);
    case UnaryOperation::softplus:
      return sigmoid(x);
    case UnaryOperation::silu: {
      const T y = sigmoid(x);
      return y * (1 + x * (1 - y));
    }
    default:
      return T(twoOverRootOfPi) * std::exp(-x * x);
  }
}

// Whether a function is constant between its steps.
bool isStep(UnaryOperation operation) {
  return operation == UnaryOperation::sign || operation == UnaryOperation::floor || operation == UnaryOperation::ceil ||
         operation == UnaryOperation::round || operation == UnaryOperation::trunc;
}

}  // namespace

template <class T> void binary(const Binary<T>& call) {
  overElements<2>(call.dimensions, {call.aStrides, call.bStrides}, [&](int64 i, const int64* at) {
    call.output[i] = apply(call.operation, call.a[at[0]], call.b[at[1]]);
  });
}

template <class T> void binaryBackward(const BinaryBackward<T>& call) {
  overElements<2>(call.dimensions, {call.aStrides, call.bStrides}, [&](int64 i, const int64* at) {
    call.inputGradient[i] = gradient(call.operation, call.outputGradient[i], call.a[at[0]], call.b[at[1]]);
  });
}

template <class T> void compare(const Compare<T>& call) {
  overElements<2>(call.dimensions, {call.aStrides, call.bStrides}, [&](int64 i, const int64* at) {
    call.output[i] = isTrue(call.operation, numberAt<T>(call.a, call.operandType, at[0]),
                            numberAt<T>(call.b, call.operandType, at[1]));
  });
}

template <class T> void where(const Where<T>& call) {
  overElements<3>(call.dimensions, {call.conditionStrides, call.aStrides, call.bStrides},
                  [&](int64 i, const int64* at) {
                    const T* chosen = call.condition[at[0]] ? call.a + at[1] : call.b + at[2];
                    if (call.output + i != chosen) std::memcpy(call.output + i, chosen, sizeof(T));
                  });
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
  if (isStep(call.operation)) {  // likewise
    for (int64 i = 0; i < call.size; ++i) call.inputGradient[i] = T(0);
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

template <class T> void clamp(const Clamp<T>& call) {
  const T low = static_cast<T>(call.low), high = static_cast<T>(call.high);
  for (int64 i = 0; i < call.size; ++i) {
    const T raised = call.input[i] < low ? low : call.input[i];
    call.output[i] = raised > high ? high : raised;
  }
}

template <class T> void clampBackward(const ClampBackward<T>& call) {
  const T low = static_cast<T>(call.low), high = static_cast<T>(call.high);
  for (int64 i = 0; i < call.size; ++i) {
    const T x = call.input[i];
    call.inputGradient[i] = x <= low || x >= high || x != x ? T(0) : call.outputGradient[i];
  }
}

template <class T> void cast(const Cast<T>& call) {
  for (int64 i = 0; i < call.size; ++i)
    setNumber<T>(call.output, call.outputType, i, numberAt<T>(call.input, call.inputType, i));
}

}  // namespace splitmask::naive

NAIVE_KERNEL(binary, Binary)
NAIVE_KERNEL(unary, Unary)
NAIVE_KERNEL(unaryBackward, UnaryBackward)
NAIVE_KERNEL(affine, Affine)
NAIVE_KERNEL(scaleRows, ScaleRows)
NAIVE_KERNEL(scaleColumns, ScaleColumns)
NAIVE_KERNEL(clamp, Clamp)
NAIVE_KERNEL(clampBackward, ClampBackward)
NAIVE_KERNEL(binaryBackward, BinaryBackward)
NAIVE_KERNEL(compare, Compare)
NAIVE_KERNEL(where, Where)
NAIVE_KERNEL(cast, Cast)
