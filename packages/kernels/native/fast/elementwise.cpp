// Elementwise kernels on tensors of one shape, and the scales of rows and columns.
#include "loops.h"
#include "maths.h"

namespace splitmask::SPLITMASK_SET {

namespace {

SPLITMASK_INLINE Vector sigmoid(Vector x) { return 1.0f / (1.0f + exponential(-x)); }

template <class Function> void mapUnary(const Call& call, const Function& function) {
  float* output = call.buffer<float>(0);
  const float* input = call.buffer<float>(1);
  overRanges(call, call.integer(1), [&](int64 begin, int64 end) {
    overVectors(begin, end, [&](int64 i, auto part) { part.write(output + i, function(part.read(input + i))); });
  });
}

// function(g, x): the gradient g times the derivative at x.
template <class Function> void mapGradient(const Call& call, const Function& function) {
  float* inputGradient = call.buffer<float>(0);
  const float* outputGradient = call.buffer<float>(1);
  const float* input = call.buffer<float>(2);
  overRanges(call, call.integer(1), [&](int64 begin, int64 end) {
    overVectors(begin, end, [&](int64 i, auto part) {
      part.write(inputGradient + i, function(part.read(outputGradient + i), part.read(input + i)));
    });
  });
}

}  // namespace

void unary(const Call& call) {
  switch (call.integer(0)) {
    case 0: return mapUnary(call, [](Vector x) { return -x; });
    case 1: return mapUnary(call, [](Vector x) { return exponential(x); });
    case 2: return mapUnary(call, [](Vector x) { return logarithm(x); });
    case 3: return mapUnary(call, [](Vector x) { return squareRoot(x); });
    case 4: return mapUnary(call, [](Vector x) { return 1.0f / squareRoot(x); });
    case 5: return mapUnary(call, [](Vector x) { return x * x; });
    case 6: return mapUnary(call, [](Vector x) { return 1.0f / x; });
    case 7: return mapUnary(call, [](Vector x) { return hyperbolicTangent(x); });
    case 8: return mapUnary(call, [](Vector x) { return sigmoid(x); });
    case 9: return mapUnary(call, [](Vector x) { return select(x <= zero(), zero(), x); });
    case 10: return mapUnary(call, [](Vector x) { return gelu(x); });
    case 11: return mapUnary(call, [](Vector x) { return absolute(x); });
    case 12: return mapUnary(call, [](Vector x) { return select(x == zero(), zero(), x * logarithm(x)); });
    default: return mapUnary(call, [](Vector x) { return errorFunction(x); });
  }
}

void unaryBackward(const Call& call) {
  switch (call.integer(0)) {
    case 0: return mapGradient(call, [](Vector g, Vector) { return -g; });
    case 1: return mapGradient(call, [](Vector g, Vector x) { return g * exponential(x); });
    case 2: return mapGradient(call, [](Vector g, Vector x) { return g * (1.0f / x); });
    case 3: return mapGradient(call, [](Vector g, Vector x) { return g * (0.5f / squareRoot(x)); });
    case 4: return mapGradient(call, [](Vector g, Vector x) { return g * (-0.5f / (x * squareRoot(x))); });
    case 5: return mapGradient(call, [](Vector g, Vector x) { return g * (2.0f * x); });
    case 6: return mapGradient(call, [](Vector g, Vector x) { return g * (-1.0f / (x * x)); });
    case 7:
      return mapGradient(call, [](Vector g, Vector x) {
        const Vector y = hyperbolicTangent(x);
        return g * (1.0f - y * y);
      });
    case 8:
      return mapGradient(call, [](Vector g, Vector x) {
        const Vector y = sigmoid(x);
        return g * (y * (1.0f - y));
      });
    case 9: return mapGradient(call, [](Vector g, Vector x) { return select(x <= zero(), zero(), g); });
    case 10: return mapGradient(call, [](Vector g, Vector x) { return g * geluDerivative(x); });
    case 11:
      return mapGradient(call, [](Vector g, Vector x) { return g * toFloat((x < zero()) - (x > zero())); });  // a true lane is −1
    case 12: return mapGradient(call, [](Vector g, Vector x) { return g * (logarithm(x) + 1.0f); });
    default: return mapGradient(call, [](Vector g, Vector x) { return g * (1.12837917f * exponentialOfNegative(-x * x)); });
  }
}

void affine(const Call& call) {
  float* output = call.buffer<float>(0);
  const float* input = call.buffer<float>(1);
  const Vector scale = broadcast(static_cast<float>(call.number(1))), offset = broadcast(static_cast<float>(call.number(2)));
  overRanges(call, call.integer(0), [&](int64 begin, int64 end) {
    overVectors(begin, end, [&](int64 i, auto part) { part.write(output + i, fma(scale, part.read(input + i), offset)); });
  });
}

void scaleRows(const Call& call) {
  float* output = call.buffer<float>(0);
  const float* input = call.buffer<float>(1);
  const float* rowScale = call.buffer<float>(2);
  const float* residual = call.buffer<float>(3);
  const int64 rows = call.integer(0), columns = call.integer(1);
  overRows(call, rows, columns, [&](int64 r) {
    const int64 begin = r * columns, end = begin + columns;
    const Vector scale = broadcast(rowScale[r]);
    if (residual)
      overVectors(begin, end, [&](int64 i, auto part) { part.write(output + i, fma(part.read(input + i), scale, part.read(residual + i))); });
    else
      overVectors(begin, end, [&](int64 i, auto part) { part.write(output + i, part.read(input + i) * scale); });
  });
}

void scaleColumns(const Call& call) {
  float* output = call.buffer<float>(0);
  const float* input = call.buffer<float>(1);
  const float* columnScale = call.buffer<float>(2);
  const float* residual = call.buffer<float>(3);
  const int64 rows = call.integer(0), columns = call.integer(1);
  overRows(call, rows, columns, [&](int64 r) {
    float* y = output + r * columns;
    const float* x = input + r * columns;
    if (residual)
      overVectors(0, columns, [&](int64 c, auto part) {
        part.write(y + c, fma(part.read(x + c), part.read(columnScale + c), part.read(residual + r * columns + c)));
      });
    else
      overVectors(0, columns, [&](int64 c, auto part) { part.write(y + c, part.read(x + c) * part.read(columnScale + c)); });
  });
}

}  // namespace splitmask::SPLITMASK_SET
