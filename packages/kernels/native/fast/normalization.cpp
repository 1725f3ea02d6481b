// Layer norm, L2 normalization, softmax and log-softmax by rows, with their gradients.
#include "../generated/normalization.h"
#include "loops.h"
#include "maths.h"
#include "partialSums.h"

namespace splitmask::SPLITMASK_SET {

namespace {

template <class T> void normalizeRows(const LayerNorm<float>& call, T* output) {
  overRows(call, call.rows, call.columns, [&](int64 r) {
    const float* x = call.input + r * call.columns;
    T* y = output + r * call.columns;
    float mean = sumOver(0, call.columns, [&](int64 i, auto part) { return part.read(x + i); }) /
                 static_cast<float>(call.columns);
    Vector meanVector = broadcast(mean);
    double squares = sumOver(0, call.columns, [&](int64 i, auto part) {
      const Vector centered = part.keep(part.read(x + i) - meanVector, 0);
      return centered * centered;
    });
    if (!(squares < 1e37)) {  // beyond float32
      double sum = 0;
      for (int64 i = 0; i < call.columns; ++i) sum += static_cast<double>(x[i]);
      sum /= static_cast<double>(call.columns);
      mean = static_cast<float>(sum);
      meanVector = broadcast(mean);
      squares = 0;
      for (int64 i = 0; i < call.columns; ++i)
        squares += (static_cast<double>(x[i]) - sum) * (static_cast<double>(x[i]) - sum);
    }
    const float rstd =
        static_cast<float>(1 / __builtin_sqrt(squares / static_cast<double>(call.columns) + call.epsilon));
    call.mean[r] = mean;
    call.rstd[r] = rstd;
    const Vector rstdVector = broadcast(rstd);
    if (call.weight && call.bias) {
      overVectors(0, call.columns, [&](int64 i, auto part) {
        part.write(y + i, fma((part.read(x + i) - meanVector) * rstdVector, part.read(call.weight + i),
                              part.read(call.bias + i)));
      });
    } else {
      overVectors(0, call.columns, [&](int64 i, auto part) {
        Vector normal = (part.read(x + i) - meanVector) * rstdVector;
        if (call.weight) normal = normal * part.read(call.weight + i);
        if (call.bias) normal = normal + part.read(call.bias + i);
        part.write(y + i, normal);
      });
    }
  });
}

}  // namespace

void layerNorm(const LayerNorm<float>& call) {
  if (call.outputType == ElementType::bfloat16)
    normalizeRows(call, static_cast<Bfloat16*>(call.output));
  else
    normalizeRows(call, static_cast<float*>(call.output));
}

// With x̂ = (x − mean)·rstd and h = g·weight: dx = rstd·(h − mean(h) − x̂·mean(h·x̂)), dweight = Σ g·x̂, dbias = Σ g.
// The last two are summed by chunks of rows while the row is in the cache.
void layerNormBackward(const LayerNormBackward<float>& call) {
  const RowChunks chunks(call.rows, call.columns);
  float* partials = partialSums(call, chunks.count * 2 * call.columns);
  const float share = 1.0f / static_cast<float>(call.columns);
  parallelFor(call, chunks.count, [&](int64 chunk, int) {
    float* weightSum = partials + chunk * 2 * call.columns;
    float* biasSum = weightSum + call.columns;
    overVectors(0, 2 * call.columns, [&](int64 i, auto part) { part.write(weightSum + i, zero()); });
    for (int64 r = chunks.begin(chunk); r < chunks.end(chunk); ++r) {
      const float* x = call.input + r * call.columns;
      const float* g = call.outputGradient + r * call.columns;
      float* dx = call.inputGradient + r * call.columns;
      const Vector mean = broadcast(call.mean[r]), rstd = broadcast(call.rstd[r]);
      Vector sum0 = zero(), sum1 = zero(), product0 = zero(), product1 = zero();
      const auto step = [&](int64 i, auto part, Vector& sum, Vector& product) __attribute__((always_inline)) {
        const Vector gradient = part.read(g + i);
        const Vector normal = part.keep((part.read(x + i) - mean) * rstd, 0);
        const Vector scaled = call.weight ? gradient * part.read(call.weight + i) : gradient;
        part.write(weightSum + i, fma(gradient, normal, part.read(weightSum + i)));
        part.write(biasSum + i, part.read(biasSum + i) + gradient);
        sum += scaled;
        product = fma(scaled, normal, product);
      };
      int64 i = 0;
      for (; i + 2 * lanes <= call.columns; i += 2 * lanes) {
        step(i, AllLanes{}, sum0, product0);
        step(i + lanes, AllLanes{}, sum1, product1);
      }
      overVectors(i, call.columns, [&](int64 j, auto part) { step(j, part, sum0, product0); });
      const Vector meanGradient = broadcast(horizontalSum(sum0 + sum1) * share);
      const Vector meanProduct = broadcast(horizontalSum(product0 + product1) * share);
      overVectors(0, call.columns, [&](int64 j, auto part) {
        const Vector normal = (part.read(x + j) - mean) * rstd;
        const Vector gradient = part.read(g + j);
        const Vector scaled = call.weight ? gradient * part.read(call.weight + j) : gradient;
        part.write(dx + j, rstd * (scaled - meanGradient - normal * meanProduct));
      });
    }
  });
  if (call.weightGradient) addPartialSums(call.weightGradient, partials, chunks.count, 2 * call.columns, call.columns);
  if (call.biasGradient)
    addPartialSums(call.biasGradient, partials + call.columns, chunks.count, 2 * call.columns, call.columns);
}

// Softmax, log-softmax and L2 normalization by rows, with their gradients.

void softmax(const Softmax<float>& call) {
  overRows(call, call.rows, call.columns, [&](int64 r) {
    const float* x = call.input + r * call.columns;
    float* y = call.output + r * call.columns;
    const Vector largest = broadcast(maximumOver(x, 0, call.columns, -__builtin_inff()));
    if (call.logarithm) {
      const float sum = sumOver(0, call.columns, [&](int64 i, auto part) {
        return part.keep(exponentialOfNegative(part.read(x + i) - largest), 0);
      });
      const Vector logSum = logarithm(broadcast(sum));
      overVectors(0, call.columns,
                  [&](int64 i, auto part) { part.write(y + i, (part.read(x + i) - largest) - logSum); });
      return;
    }
    const float sum = sumOver(0, call.columns, [&](int64 i, auto part) {
      const Vector power = part.keep(exponentialOfNegative(part.read(x + i) - largest), 0);
      part.write(y + i, power);
      return power;
    });
    const Vector inverse = broadcast(1.0f / sum);
    overVectors(0, call.columns, [&](int64 i, auto part) { part.write(y + i, part.read(y + i) * inverse); });
  });
}

void softmaxBackward(const SoftmaxBackward<float>& call) {
  overRows(call, call.rows, call.columns, [&](int64 r) {
    const float* g = call.outputGradient + r * call.columns;
    const float* y = call.output + r * call.columns;
    float* dx = call.inputGradient + r * call.columns;
    if (call.logarithm) {
      const Vector sum = broadcast(sumOver(0, call.columns, [&](int64 i, auto part) { return part.read(g + i); }));
      overVectors(0, call.columns, [&](int64 i, auto part) {
        part.write(dx + i, part.read(g + i) - exponential(part.read(y + i)) * sum);
      });
      return;
    }
    const Vector sum =
        broadcast(sumOver(0, call.columns, [&](int64 i, auto part) { return part.read(g + i) * part.read(y + i); }));
    overVectors(0, call.columns,
                [&](int64 i, auto part) { part.write(dx + i, part.read(y + i) * (part.read(g + i) - sum)); });
  });
}

void l2Normalize(const L2Normalize<float>& call) {
  overRows(call, call.rows, call.columns, [&](int64 r) {
    const float* x = call.input + r * call.columns;
    const float sum = sumOver(0, call.columns, [&](int64 i, auto part) { return part.read(x + i) * part.read(x + i); });
    // Squares of very large and very small numbers leave float32.
    const double squares = sum > 1e-30f && sum < 1e37f ? static_cast<double>(sum) : sumOfSquares(x, call.columns);
    const double norm = __builtin_sqrt(squares), denominator = norm < call.epsilon ? call.epsilon : norm;
    call.norms[r] = static_cast<float>(denominator);
    const Vector divisor = broadcast(static_cast<float>(denominator));
    overVectors(0, call.columns, [&](int64 i, auto part) {
      part.write(call.output + r * call.columns + i, part.read(x + i) / divisor);
    });
  });
}

void l2NormalizeBackward(const L2NormalizeBackward<float>& call) {
  const float epsilon = static_cast<float>(call.epsilon);
  overRows(call, call.rows, call.columns, [&](int64 r) {
    const float* g = call.outputGradient + r * call.columns;
    const float* y = call.output + r * call.columns;
    const bool constant = call.norms[r] <= epsilon;  // below epsilon the denominator does not depend on x
    const float product =
        constant ? 0
                 : sumOver(0, call.columns, [&](int64 i, auto part) { return part.read(g + i) * part.read(y + i); });
    const Vector dot = broadcast(product), divisor = broadcast(call.norms[r]);
    overVectors(0, call.columns, [&](int64 i, auto part) {
      part.write(call.inputGradient + r * call.columns + i, (part.read(g + i) - part.read(y + i) * dot) / divisor);
    });
  });
}

}  // namespace splitmask::SPLITMASK_SET
