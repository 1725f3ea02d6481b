// The products as their definitions say, one dot product an element: what the fast versions are tested against.
#include <limits>

#include "../generated/products.h"
#include "../indices.h"
#include "bfloat16.h"
#include "naive.h"

namespace splitmask::naive {

template <class T> static T normalDistribution(T x) {
  return T(0.5) * (T(1) + std::erf(x * T(0.70710678118654752440)));
}

template <class T> static T geluDerivative(T x) {
  return normalDistribution(x) + x * std::exp(T(-0.5) * x * x) * T(0.39894228040143267794);
}

template <class T> void gemm(const Gemm<T>& call) {
  const T alpha = static_cast<T>(call.alpha), beta = static_cast<T>(call.beta);
  const int64 aRow = call.transposeA ? 1 : call.aLeading, aInner = call.transposeA ? call.aLeading : 1;
  const int64 bInner = call.transposeB ? 1 : call.bLeading, bColumn = call.transposeB ? call.bLeading : 1;
  const ProductPrecision precision = call.precision;
  const auto multiplied = [=](T value, bool activate) {
    if (activate) value *= normalDistribution(value);
    return roundedTo(precision, value);
  };
  parallelFor(call, call.batch * call.m, [&](int64 task, int) {
    const int64 z = task / call.m, row = task % call.m;
    const T* aLine = call.a + z * call.aBatchStride + row * aRow;
    for (int64 column = 0; column < call.n; ++column) {
      const T* bLine = call.b + z * call.bBatchStride + column * bColumn;
      T sum = 0;
      for (int64 inner = 0; inner < call.k; ++inner) {
        sum += multiplied(aLine[inner * aInner], call.activation == ActivatedOperand::a) *
               multiplied(bLine[inner * bInner], call.activation == ActivatedOperand::b);
      }
      const int64 place = z * call.outputBatchStride + row * call.outputLeading + column;
      T value = alpha * sum;
      if (call.bias) value += call.bias[column];
      if (call.preActivation) value *= geluDerivative(call.preActivation[place]);
      if (call.residual) value += call.residual[place];
      call.output[place] = beta == T(0) ? value : beta * call.output[place] + value;
    }
  });
}

template <class T> void gemmBfloat16(const GemmBfloat16<T>& call) {
  const int64 aRow = call.transposeA ? 1 : call.k, aInner = call.transposeA ? call.m : 1;
  const int64 bInner = call.transposeB ? 1 : call.n, bColumn = call.transposeB ? call.k : 1;
  parallelFor(call, call.m, [&](int64 row, int) {
    for (int64 column = 0; column < call.n; ++column) {
      T value = 0;
      for (int64 inner = 0; inner < call.k; ++inner) {
        value +=
            roundedTo(ProductPrecision::bfloat16, elementOf<T>(call.a, call.aType, row * aRow + inner * aInner)) *
            roundedTo(ProductPrecision::bfloat16, elementOf<T>(call.b, call.bType, inner * bInner + column * bColumn));
      }
      const int64 place = row * call.n + column;
      if (call.bias) value += call.bias[column];
      if (call.factor) value *= T(floatOf(call.factor[place]));
      if (call.residual) value += call.residual[place];
      if (call.derivative) call.derivative[place] = bfloat16Of(geluDerivative(value));
      if (call.activated) value *= normalDistribution(value);
      setElement(call.output, call.outputType, place, value);
    }
  });
}

// A NaN counts as larger than any number; the first of equals wins; a row whose largest is not finite has no index.
template <class T> void gemmArgmax(const GemmArgmax<T>& call) {
  parallelFor(call, call.m, [&](int64 row, int) {
    T largest = -std::numeric_limits<T>::infinity();
    int index = 0;
    for (int64 column = 0; column < call.n; ++column) {
      T value = 0;
      for (int64 inner = 0; inner < call.k; ++inner) {
        value += roundedTo(call.precision, call.a[row * call.k + inner]) *
                 roundedTo(call.precision, call.b[column * call.k + inner]);
      }
      if (call.bias) value += call.bias[column];
      if (value > largest || (value != value && largest == largest)) {
        largest = value;
        index = static_cast<int>(column);
      }
    }
    call.output[row] = std::isfinite(largest) ? index : noIndex;
    if (call.best) call.best[row] = largest;
  });
}

}  // namespace splitmask::naive

NAIVE_KERNEL(gemm, Gemm)
NAIVE_KERNEL(gemmBfloat16, GemmBfloat16)
NAIVE_KERNEL(gemmArgmax, GemmArgmax)
