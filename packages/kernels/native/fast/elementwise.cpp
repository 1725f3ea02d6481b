// Elementwise kernels: unary and its gradient, affine, the scales of rows and columns, bounds; with broadcasting binary
// and its gradient, comparisons and choices; casts.
#include "../generated/elementwise.h"
#include "axes.h"
#include "loops.h"
#include "maths.h"
#include "power.h"

namespace splitmask::SPLITMASK_SET {

namespace {

SPLITMASK_INLINE Vector sigmoid(Vector x) { return 1.0f / (1.0f + exponential(-x)); }
SPLITMASK_INLINE Vector signOf(Vector x) { return toFloat((x < zero()) - (x > zero())); }  // a true lane is −1

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
    case UnaryOperation::sign:
      return mapUnary(call, [](Vector x) { return signOf(x); });
    case UnaryOperation::floor:
      return mapUnary(call, [](Vector x) { return roundDown(x); });
    case UnaryOperation::ceil:
      return mapUnary(call, [](Vector x) { return -roundDown(-x); });
    case UnaryOperation::round:
      return mapUnary(call, [](Vector x) { return roundToEven(x); });
    case UnaryOperation::trunc:
      return mapUnary(call, [](Vector x) { return withSignOf(roundDown(absolute(x)), x); });
    case UnaryOperation::expm1:
      return mapUnary(call, [](Vector x) { return exponentialMinus1(x); });
    case UnaryOperation::log1p:
      return mapUnary(call, [](Vector x) { return logarithmPlus1(x); });
    case UnaryOperation::softplus:
      return mapUnary(call, [](Vector x) { return softplus(x); });
    case UnaryOperation::silu:
      return mapUnary(call, [](Vector x) { return x / (1.0f + exponential(-x)); });
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
      return mapGradient(call, [](Vector g, Vector x) { return g * signOf(x); });
    case UnaryOperation::sin:
      return mapGradient(call, [](Vector g, Vector x) { return g * cosine(x); });
    case UnaryOperation::cos:
      return mapGradient(call, [](Vector g, Vector x) { return g * -sine(x); });
    case UnaryOperation::xLogX:
      return mapGradient(call, [](Vector g, Vector x) { return g * (logarithm(x) + 1.0f); });
    case UnaryOperation::sign:
    case UnaryOperation::floor:
    case UnaryOperation::ceil:
    case UnaryOperation::round:
    case UnaryOperation::trunc:
      return mapGradient(call, [](Vector, Vector) { return zero(); });
    case UnaryOperation::expm1:
      return mapGradient(call, [](Vector g, Vector x) { return g * exponential(x); });
    case UnaryOperation::log1p:
      return mapGradient(call, [](Vector g, Vector x) { return g * (1.0f / (1.0f + x)); });
    case UnaryOperation::softplus:
      return mapGradient(call, [](Vector g, Vector x) { return g * sigmoid(x); });
    case UnaryOperation::silu:
      return mapGradient(call, [](Vector g, Vector x) {
        const Vector y = sigmoid(x);
        return g * (y * (1.0f + x * (1.0f - y)));
      });
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
    case BinaryOperation::minimum:
      return map(call, [](Vector a, Vector b) { return select((a < b) | (a != a), a, b); });
    default:
      return map(call, [](Vector a, Vector b) { return power(a, b); });
  }
}

// The other kernels with broadcasting, whose inputs may differ in number and type.

namespace {

// An input along a row: an element at each place, or one value for all of them, of which a vector is held.
template <class T> class RowInput {
 public:
  RowInput(const T* from, int64 stride) : from_(from), step_(stride) {
    if (stride != 0) return;
    for (T& value : held_) value = *from;
    from_ = held_;
  }
  RowInput(const RowInput&) = delete;

  template <class Part> inline __attribute__((always_inline)) auto read(int64 i, Part part) const {
    return part.read(from_ + i * step_);
  }

 private:
  const T* from_;
  int64 step_;
  T held_[lanes];
};

// body(first element of the output, count, offsets of the inputs) for pieces of rows, and the strides of the inputs
// within a row, which are 1, or 0 where one value is repeated.
template <int Inputs, class Body> void overRowPieces(const Call& call, const Axes<Inputs>& axes, const Body& body) {
  if (axes.size == 0) return;
  const int64 inner = axes.inner(), rows = axes.size / inner;
  bool isDense = true;
  for (int input = 0; input < Inputs; ++input) isDense = isDense && axes.innerStride(input) <= 1;
  const int64 piece = isDense ? taskElements : 1, pieces = (inner + piece - 1) / piece;
  overRowGroups(call, rows * pieces, minimum(inner, piece), [&](int64 begin, int64 end) {
    typename Axes<Inputs>::Rows place(axes, begin / pieces);
    for (int64 item = begin; item < end; ++item) {
      const int64 first = item % pieces * piece;
      int64 offset[Inputs];
      for (int input = 0; input < Inputs; ++input)
        offset[input] = place.offset[input] + first * axes.innerStride(input);
      body(item / pieces * inner + first, minimum(piece, inner - first), offset);
      if ((item + 1) % pieces == 0) place.next();
    }
  });
}

template <class Derivative> void mapBinaryGradient(const BinaryBackward<float>& call, const Derivative& derivative) {
  const Axes<2> axes(call.dimensions, {call.aStrides, call.bStrides});
  overRowPieces(call, axes, [&](int64 first, int64 count, const int64* offset) {
    const RowInput<float> a(call.a + offset[0], axes.innerStride(0)), b(call.b + offset[1], axes.innerStride(1));
    overVectors(0, count, [&](int64 i, auto part) {
      const Vector g = part.read(call.outputGradient + first + i);
      part.write(call.inputGradient + first + i, derivative(g, a.read(i, part), b.read(i, part)));
    });
  });
}

// Where the operands are equal each takes half of the gradient.
SPLITMASK_INLINE Vector shareOf(IntVector isPassed, IntVector isEqual, Vector g) {
  return select(isPassed, zero(), select(isEqual, 0.5f * g, g));
}

template <class T, class Holds> void mapComparison(const Compare<float>& call, const Holds& holds) {
  const Axes<2> axes(call.dimensions, {call.aStrides, call.bStrides});
  overRowPieces(call, axes, [&](int64 first, int64 count, const int64* offset) {
    const RowInput<T> a(static_cast<const T*>(call.a) + offset[0], axes.innerStride(0));
    const RowInput<T> b(static_cast<const T*>(call.b) + offset[1], axes.innerStride(1));
    overVectors(0, count, [&](int64 i, auto part) {
      part.write(call.output + first + i, holds(a.read(i, part), b.read(i, part)) & 1);
    });
  });
}

template <class T> void compareElements(const Compare<float>& call) {
  switch (call.operation) {
    case Comparison::equal:
      return mapComparison<T>(call, [](auto a, auto b) { return a == b; });
    case Comparison::notEqual:
      return mapComparison<T>(call, [](auto a, auto b) { return a != b; });
    case Comparison::less:
      return mapComparison<T>(call, [](auto a, auto b) { return a < b; });
    case Comparison::lessEqual:
      return mapComparison<T>(call, [](auto a, auto b) { return a <= b; });
    case Comparison::greater:
      return mapComparison<T>(call, [](auto a, auto b) { return a > b; });
    default:
      return mapComparison<T>(call, [](auto a, auto b) { return a >= b; });
  }
}

}  // namespace

void binaryBackward(const BinaryBackward<float>& call) {
  switch (call.operation) {
    case BinaryDerivative::maximum:
      return mapBinaryGradient(call, [](Vector g, Vector a, Vector b) { return shareOf(a < b, a == b, g); });
    case BinaryDerivative::minimum:
      return mapBinaryGradient(call, [](Vector g, Vector a, Vector b) { return shareOf(a > b, a == b, g); });
    case BinaryDerivative::base:
      return mapBinaryGradient(
          call, [](Vector g, Vector a, Vector b) { return select(b == zero(), zero(), g * (b * power(a, b - 1.0f))); });
    default:
      return mapBinaryGradient(call, [](Vector g, Vector a, Vector b) {
        return select((a == zero()) & (b >= zero()), zero(), g * (power(a, b) * logarithm(a)));
      });
  }
}

void compare(const Compare<float>& call) {
  switch (call.operandType) {
    case AnyElementType::bfloat16:
      return compareElements<Bfloat16>(call);
    case AnyElementType::int32:
      return compareElements<int>(call);
    case AnyElementType::uint8:
      return compareElements<unsigned char>(call);
    default:
      return compareElements<float>(call);
  }
}

void where(const Where<float>& call) {
  const Axes<3> axes(call.dimensions, {call.conditionStrides, call.aStrides, call.bStrides});
  overRowPieces(call, axes, [&](int64 first, int64 count, const int64* offset) {
    const RowInput<unsigned char> condition(call.condition + offset[0], axes.innerStride(0));
    const RowInput<float> a(call.a + offset[1], axes.innerStride(1)), b(call.b + offset[2], axes.innerStride(2));
    overVectors(0, count, [&](int64 i, auto part) {
      part.write(call.output + first + i, select(condition.read(i, part) != 0, a.read(i, part), b.read(i, part)));
    });
  });
}

void clamp(const Clamp<float>& call) {
  const Vector low = broadcast(static_cast<float>(call.low)), high = broadcast(static_cast<float>(call.high));
  overRanges(call, call.size, [&](int64 begin, int64 end) {
    overVectors(begin, end, [&](int64 i, auto part) {
      const Vector x = part.read(call.input + i);
      const Vector raised = select(x < low, low, x);
      part.write(call.output + i, select(raised > high, high, raised));
    });
  });
}

void clampBackward(const ClampBackward<float>& call) {
  const Vector low = broadcast(static_cast<float>(call.low)), high = broadcast(static_cast<float>(call.high));
  overRanges(call, call.size, [&](int64 begin, int64 end) {
    overVectors(begin, end, [&](int64 i, auto part) {
      const Vector x = part.read(call.input + i);
      part.write(call.inputGradient + i,
                 select((x <= low) | (x >= high) | (x != x), zero(), part.read(call.outputGradient + i)));
    });
  });
}

// Casts go by way of a vector of floats or of integers.

namespace {

SPLITMASK_INLINE Vector asFloats(Vector value) { return value; }
SPLITMASK_INLINE Vector asFloats(IntVector value) { return toFloat(value); }
SPLITMASK_INLINE IntVector asIntegers(IntVector value) { return value; }
// Cut towards zero; 2³¹ and more, which no float is just below, become the largest integer.
SPLITMASK_INLINE IntVector asIntegers(Vector value) {
  const Vector end = broadcast(2147483648.0f);
  const IntVector inside = toInt(select(absolute(value) < end, value, zero()));
  return select(value >= end, broadcast(0x7fffffff), select(value <= -end, broadcast(-0x7fffffff - 1), inside));
}

template <class To> constexpr bool isInteger = false;
template <> constexpr bool isInteger<int> = true;
template <> constexpr bool isInteger<unsigned char> = true;

template <class From, class To> void castElements(const Cast<float>& call) {
  const From* input = static_cast<const From*>(call.input);
  To* output = static_cast<To*>(call.output);
  overRanges(call, call.size, [&](int64 begin, int64 end) {
    overVectors(begin, end, [&](int64 i, auto part) {
      if constexpr (isInteger<To>)
        part.write(output + i, asIntegers(part.read(input + i)));
      else
        part.write(output + i, asFloats(part.read(input + i)));
    });
  });
}

template <class From> void castFrom(const Cast<float>& call) {
  switch (call.outputType) {
    case AnyElementType::bfloat16:
      return castElements<From, Bfloat16>(call);
    case AnyElementType::int32:
      return castElements<From, int>(call);
    case AnyElementType::uint8:
      return castElements<From, unsigned char>(call);
    default:
      return castElements<From, float>(call);
  }
}

}  // namespace

void cast(const Cast<float>& call) {
  switch (call.inputType) {
    case AnyElementType::bfloat16:
      return castFrom<Bfloat16>(call);
    case AnyElementType::int32:
      return castFrom<int>(call);
    case AnyElementType::uint8:
      return castFrom<unsigned char>(call);
    default:
      return castFrom<float>(call);
  }
}

}  // namespace splitmask::SPLITMASK_SET
