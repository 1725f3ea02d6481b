// Layer norm with its gradients: each row is read from memory once.
#include "loops.h"
#include "partialSums.h"

namespace splitmask::SPLITMASK_SET {

void layerNorm(const Call& call) {
  float* output = call.buffer<float>(0);
  float* means = call.buffer<float>(1);
  float* rstds = call.buffer<float>(2);
  const float* input = call.buffer<float>(3);
  const float* weight = call.buffer<float>(4);
  const float* bias = call.buffer<float>(5);
  const int64 rows = call.integer(0), columns = call.integer(1);
  const double epsilon = call.number(2);
  overRows(call, rows, columns, [&](int64 r) {
    const float* x = input + r * columns;
    float* y = output + r * columns;
    float mean =
        sumOver(0, columns, [&](int64 i, auto part) { return part.read(x + i); }) / static_cast<float>(columns);
    Vector meanVector = broadcast(mean);
    double squares = sumOver(0, columns, [&](int64 i, auto part) {
      const Vector centred = part.keep(part.read(x + i) - meanVector, 0);
      return centred * centred;
    });
    if (!(squares < 1e37)) {  // beyond float32
      double sum = 0;
      for (int64 i = 0; i < columns; ++i) sum += static_cast<double>(x[i]);
      sum /= static_cast<double>(columns);
      mean = static_cast<float>(sum);
      meanVector = broadcast(mean);
      squares = 0;
      for (int64 i = 0; i < columns; ++i)
        squares += (static_cast<double>(x[i]) - sum) * (static_cast<double>(x[i]) - sum);
    }
    const float rstd = static_cast<float>(1 / __builtin_sqrt(squares / static_cast<double>(columns) + epsilon));
    means[r] = mean;
    rstds[r] = rstd;
    const Vector rstdVector = broadcast(rstd);
    if (weight && bias) {
      overVectors(0, columns, [&](int64 i, auto part) {
        part.write(y + i, fma((part.read(x + i) - meanVector) * rstdVector, part.read(weight + i), part.read(bias + i)));
      });
    } else {
      overVectors(0, columns, [&](int64 i, auto part) {
        Vector normal = (part.read(x + i) - meanVector) * rstdVector;
        if (weight) normal = normal * part.read(weight + i);
        if (bias) normal = normal + part.read(bias + i);
        part.write(y + i, normal);
      });
    }
  });
}

// With x̂ = (x − mean)·rstd and h = g·weight: dx = rstd·(h − mean(h) − x̂·mean(h·x̂)), dweight = Σ g·x̂, dbias = Σ g. The last two are
// summed by chunks of rows while the row is in the cache.
void layerNormBackward(const Call& call) {
  float* inputGradient = call.buffer<float>(0);
  float* weightGradient = call.buffer<float>(1);
  float* biasGradient = call.buffer<float>(2);
  const float* outputGradient = call.buffer<float>(3);
  const float* input = call.buffer<float>(4);
  const float* means = call.buffer<float>(5);
  const float* rstds = call.buffer<float>(6);
  const float* weight = call.buffer<float>(7);
  const int64 rows = call.integer(0), columns = call.integer(1);
  const RowChunks chunks(rows, columns);
  float* partials = partialSums(call, chunks.count * 2 * columns);
  const float share = 1.0f / static_cast<float>(columns);
  parallelFor(call, chunks.count, [&](int64 chunk, int) {
    float* weightSum = partials + chunk * 2 * columns;
    float* biasSum = weightSum + columns;
    overVectors(0, 2 * columns, [&](int64 i, auto part) { part.write(weightSum + i, zero()); });
    for (int64 r = chunks.begin(chunk); r < chunks.end(chunk); ++r) {
      const float* x = input + r * columns;
      const float* g = outputGradient + r * columns;
      float* dx = inputGradient + r * columns;
      const Vector mean = broadcast(means[r]), rstd = broadcast(rstds[r]);
      Vector sum0 = zero(), sum1 = zero(), product0 = zero(), product1 = zero();
      const auto step = [&](int64 i, auto part, Vector& sum, Vector& product) __attribute__((always_inline)) {
        const Vector gradient = part.read(g + i);
        const Vector normal = part.keep((part.read(x + i) - mean) * rstd, 0);
        const Vector scaled = weight ? gradient * part.read(weight + i) : gradient;
        part.write(weightSum + i, fma(gradient, normal, part.read(weightSum + i)));
        part.write(biasSum + i, part.read(biasSum + i) + gradient);
        sum += scaled;
        product = fma(scaled, normal, product);
      };
      int64 i = 0;
      for (; i + 2 * lanes <= columns; i += 2 * lanes) {
        step(i, AllLanes{}, sum0, product0);
        step(i + lanes, AllLanes{}, sum1, product1);
      }
      overVectors(i, columns, [&](int64 j, auto part) { step(j, part, sum0, product0); });
      const Vector meanGradient = broadcast(horizontalSum(sum0 + sum1) * share);
      const Vector meanProduct = broadcast(horizontalSum(product0 + product1) * share);
      overVectors(0, columns, [&](int64 j, auto part) {
        const Vector normal = (part.read(x + j) - mean) * rstd;
        const Vector gradient = part.read(g + j);
        const Vector scaled = weight ? gradient * part.read(weight + j) : gradient;
        part.write(dx + j, rstd * (scaled - meanGradient - normal * meanProduct));
      });
    }
  });
  if (weightGradient) addPartialSums(weightGradient, partials, chunks.count, 2 * columns, columns, false);
  if (biasGradient) addPartialSums(biasGradient, partials + columns, chunks.count, 2 * columns, columns, false);
}

}  // namespace splitmask::SPLITMASK_SET
