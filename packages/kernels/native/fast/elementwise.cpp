// Elementwise kernels: unary and its gradient, affine, the scales of rows and columns, and binary with broadcasting.
#include "../generated/elementwise.h"
#include "axes.h"
#include "loops.h"
#include "maths.h"

namespace splitmask::SPLITMASK_SET {

namespace {

SPLITMASK_INLINE Vector sigmoid(Vector x) { return 1.0f / (1.0f + exponential(-x)); }

template <class Function> void mapUnary(const Unary<float>& call, const Function& function) {
  overRanges(call, call.size, [&](int64 begin, int64 end) {
    overVectors(begin, end,
                [&](int64 i, auto part) { part.write(call.output + i, function(part.read(call.input + i))); });
  });
}

// function(g, x): the gradient g times the derivative at x.
template <class Function> void mapGradient(const UnaryBackward<float>& call, const Function& function) {
  overRanges(call, call.size, [&](int64 begin, int64 end) {
    overVectors(begin, end, [&](int64 i, auto part) {
      part.write(call.inputGradient + i, function(part.read(call.outputGradient + i), part.read(call.input + i)));
    });
  });
}

}  // namespace

void unary(const Unary<float>& call) {
  switch (call.operation) {
    case UnaryOperation::negate:
      return mapUnary(call, [](Vector x) { return -x; });
    case UnaryOperation::exp:
      return mapUnary(call, [](Vector x) { return exponential(x); });
    case UnaryOperation::log:
      return mapUnary(call, [](Vector x) { return logarithm(x); });
    case UnaryOperation::sqrt:
      return mapUnary(call, [](Vector x) { return squareRoot(x); });
    case UnaryOperation::rsqrt:
      return mapUnary(call, [](Vector x) { return 1.0f / squareRoot(x); });
    case UnaryOperation::square:
      return mapUnary(call, [](Vector x) { return x * x; });
    case UnaryOperation::reciprocal:
      return mapUnary(call, [](Vector x) { return 1.0f / x; });
    case UnaryOperation::tanh:
      return mapUnary(call, [](Vector x) { return hyperbolicTangent(x); });
    case UnaryOperation::sigmoid:
      return mapUnary(call, [](Vector x) { return sigmoid(x); });
    case UnaryOperation::relu:
      return mapUnary(call, [](Vector x) { return select(x <= zero(), zero(), x); });
    case UnaryOperation::gelu:
      return mapUnary(call, [](Vector x) { return gelu(x); });
    case UnaryOperation::absolute:
      return mapUnary(call, [](Vector x) { return absolute(x); });
    case UnaryOperation::sin:
      return mapUnary(call, [](Vector x) { return sine(x); });
    case UnaryOperation::cos:
      return mapUnary(call, [](Vector x) { return cosine(x); });
    case UnaryOperation::xLogX:
      return mapUnary(call, [](Vector x) { return select(x == zero(), zero(), x * logarithm(x)); });
    default:
      return mapUnary(call, [](Vector x) { return errorFunction(x); });
  }
}

void unaryBackward(const UnaryBackward<float>& call) {
  switch (call.operation) {
    case UnaryOperation::negate:
      return mapGradient(call, [](Vector g, Vector) { return -g; });
    case UnaryOperation::exp:
      return mapGradient(call, [](Vector g, Vector x) { return g * exponential(x); });
    case UnaryOperation::log:
      return mapGradient(call, [](Vector g, Vector x) { return g * (1.0f / x); });
    case UnaryOperation::sqrt:
      return mapGradient(call, [](Vector g, Vector x) { return g * (0.5f / squareRoot(x)); });
    case UnaryOperation::rsqrt:
      return mapGradient(call, [](Vector g, Vector x) { return g * (-0.5f / (x * squareRoot(x))); });
    case UnaryOperation::square:
      return mapGradient(call, [](Vector g, Vector x) { return g * (2.0f * x); });
    case UnaryOperation::reciprocal:
      return mapGradient(call, [](Vector g, Vector x) { return g * (-1.0f / (x * x)); });
    case UnaryOperation::tanh:
      return mapGradient(call, [](Vector g, Vector x) {
        const Vector y = hyperbolicTangent(x);
        return g * (1.0f - y * y);
      });
    case UnaryOperation::sigmoid:
      return mapGradient(call, [](Vector g, Vector x) {
        const Vector y = sigmoid(x);
        return g * (y * (1.0f - y));
      });
    case UnaryOperation::relu:
      return mapGradient(call, [](Vector g, Vector x) { return select(x <= zero(), zero(), g); });
    case UnaryOperation::gelu:
      return mapGradient(call, [](Vector g, Vector x) { return g * geluDerivative(x); });
    case UnaryOperation::absolute:
      return mapGradient(
          call, [](Vector g, Vector x) { return g * toFloat((x < zero()) - (x > zero())); });  // a true lane is −1
    case UnaryOperation::sin:
      return mapGradient(call, [](Vector g, Vector x) { return g * cosine(x); });
    case UnaryOperation::cos:
      return mapGradient(call, [](Vector g, Vector x) { return g * -sine(x); });
    case UnaryOperation::xLogX:
      return mapGradient(call, [](Vector g, Vector x) { return g * (logarithm(x) + 1.0f); });
    default:
      return mapGradient(call, [](Vector g, Vector x) { return g * (1.12837917f * exponentialOfNegative(-x * x)); });
  }
}

void affine(const Affine<float>& call) {
  const Vector scale = broadcast(static_cast<float>(call.scale)), offset = broadcast(static_cast<float>(call.offset));
  overRanges(call, call.size, [&](int64 begin, int64 end) {
    overVectors(begin, end, [&](int64 i, auto part) {
      part.write(call.output + i, fma(scale, part.read(call.input + i), offset));
    });
  });
}

void scaleRows(const ScaleRows<float>& call) {
  overRows(call, call.rows, call.columns, [&](int64 r) {
    const int64 begin = r * call.columns, end = begin + call.columns;
    const Vector scale = broadcast(call.rowScale[r]);
    if (call.residual)
      overVectors(begin, end, [&](int64 i, auto part) {
        part.write(call.output + i, fma(part.read(call.input + i), scale, part.read(call.residual + i)));
      });
    else
      overVectors(begin, end,
                  [&](int64 i, auto part) { part.write(call.output + i, part.read(call.input + i) * scale); });
  });
}

void scaleColumns(const ScaleColumns<float>& call) {
  overRows(call, call.rows, call.columns, [&](int64 r) {
    float* y = call.output + r * call.columns;
    const float* x = call.input + r * call.columns;
    if (call.residual)
      overVectors(0, call.columns, [&](int64 c, auto part) {
        part.write(y + c, fma(part.read(x + c), part.read(call.columnScale + c),
                              part.read(call.residual + r * call.columns + c)));
      });
    else
      overVectors(0, call.columns,
                  [&](int64 c, auto part) { part.write(y + c, part.read(x + c) * part.read(call.columnScale + c)); });
  });
}

// Binary kernels with broadcasting: rows of the merged axes, each a loop of vectors over a and b, one of which may be a
// single value.

namespace {

// One row of the output.
template <class Operation> void row(float* output, const float* a, int64 aStride, const float* b, int64 bStride,
                                    int64 count, const Operation& operation) {
  if (aStride == 1 && bStride == 1) {
    overVectors(0, count,
                [&](int64 i, auto part) { part.write(output + i, operation(part.read(a + i), part.read(b + i))); });
  } else if (aStride == 1 && bStride == 0) {
    const Vector value = broadcast(*b);
    overVectors(0, count, [&](int64 i, auto part) { part.write(output + i, operation(part.read(a + i), value)); });
  } else if (aStride == 0 && bStride == 1) {
    const Vector value = broadcast(*a);
    overVectors(0, count, [&](int64 i, auto part) { part.write(output + i, operation(value, part.read(b + i))); });
  } else {
    for (int64 i = 0; i < count; ++i) output[i] = operation(broadcast(a[i * aStride]), broadcast(b[i * bStride]))[0];
  }
}

template <class Operation> void map(const Binary<float>& call, const Operation& operation) {
  const Axes<2> axes(call.dimensions, {call.aStrides, call.bStrides});
  if (axes.size == 0) return;
  const int64 inner = axes.inner(), aStride = axes.innerStride(0), bStride = axes.innerStride(1);
  const int64 rows = axes.size / inner;
  if (rows > 1) {
    overRowGroups(call, rows, inner, [&](int64 begin, int64 end) {
      Axes<2>::Rows place(axes, begin);
      for (int64 r = begin; r < end; ++r, place.next())
        row(call.output + r * inner, call.a + place.offset[0], aStride, call.b + place.offset[1], bStride, inner,
            operation);
    });
  } else {
    overRanges(call, inner, [&](int64 begin, int64 end) {
      row(call.output + begin, call.a + begin * aStride, aStride, call.b + begin * bStride, bStride, end - begin,
          operation);
    });
  }
}

}  // namespace

void binary(const Binary<float>& call) {
  switch (call.operation) {
    case BinaryOperation::add:
      return map(call, [](Vector a, Vector b) { return a + b; });
    case BinaryOperation::subtract:
      return map(call, [](Vector a, Vector b) { return a - b; });
    case BinaryOperation::multiply:
      return map(call, [](Vector a, Vector b) { return a * b; });
    case BinaryOperation::divide:
      return map(call, [](Vector a, Vector b) { return a / b; });
    case BinaryOperation::maximum:
      return map(call, [](Vector a, Vector b) { return select((a > b) | (a != a), a, b); });  // a NaN wins
    default:
      return map(call, [](Vector a, Vector b) { return select((a < b) | (a != a), a, b); });
  }
}

void toBfloat16(const ToBfloat16<float>& call) {
  overRanges(call, call.size, [&](int64 begin, int64 end) {
    overVectors(begin, end, [&](int64 i, auto part) { part.write(call.output + i, part.read(call.input + i)); });
  });
}

void fromBfloat16(const FromBfloat16<float>& call) {
  overRanges(call, call.size, [&](int64 begin, int64 end) {
    overVectors(begin, end, [&](int64 i, auto part) { part.write(call.output + i, part.read(call.input + i)); });
  });
}

}  // namespace splitmask::SPLITMASK_SET
