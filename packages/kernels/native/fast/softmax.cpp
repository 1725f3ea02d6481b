// Softmax, log-softmax and L2 normalisation by rows, with their gradients.
#include "loops.h"
#include "maths.h"

namespace splitmask::SPLITMASK_SET {

void softmax(const Call& call) {
  float* output = call.buffer<float>(0);
  const float* input = call.buffer<float>(1);
  const int64 rows = call.integer(0), columns = call.integer(1);
  const bool asLogarithm = call.integer(2) != 0;
  overRows(call, rows, columns, [&](int64 r) {
    const float* x = input + r * columns;
    float* y = output + r * columns;
    const Vector largest = broadcast(maximumOver(x, 0, columns, -__builtin_inff()));
    if (asLogarithm) {
      const float sum = sumOver(0, columns, [&](int64 i, auto part) { return part.keep(exponentialOfNegative(part.read(x + i) - largest), 0); });
      const Vector logSum = logarithm(broadcast(sum));
      overVectors(0, columns, [&](int64 i, auto part) { part.write(y + i, (part.read(x + i) - largest) - logSum); });
      return;
    }
    const float sum = sumOver(0, columns, [&](int64 i, auto part) {
      const Vector power = part.keep(exponentialOfNegative(part.read(x + i) - largest), 0);
      part.write(y + i, power);
      return power;
    });
    const Vector inverse = broadcast(1.0f / sum);
    overVectors(0, columns, [&](int64 i, auto part) { part.write(y + i, part.read(y + i) * inverse); });
  });
}

void softmaxBackward(const Call& call) {
  float* inputGradient = call.buffer<float>(0);
  const float* outputGradient = call.buffer<float>(1);
  const float* output = call.buffer<float>(2);
  const int64 rows = call.integer(0), columns = call.integer(1);
  const bool asLogarithm = call.integer(2) != 0;
  overRows(call, rows, columns, [&](int64 r) {
    const float* g = outputGradient + r * columns;
    const float* y = output + r * columns;
    float* dx = inputGradient + r * columns;
    if (asLogarithm) {
      const Vector sum = broadcast(sumOver(0, columns, [&](int64 i, auto part) { return part.read(g + i); }));
      overVectors(0, columns, [&](int64 i, auto part) { part.write(dx + i, part.read(g + i) - exponential(part.read(y + i)) * sum); });
      return;
    }
    const Vector sum = broadcast(sumOver(0, columns, [&](int64 i, auto part) { return part.read(g + i) * part.read(y + i); }));
    overVectors(0, columns, [&](int64 i, auto part) { part.write(dx + i, part.read(y + i) * (part.read(g + i) - sum)); });
  });
}

void l2Normalize(const Call& call) {
  float* output = call.buffer<float>(0);
  float* norms = call.buffer<float>(1);
  const float* input = call.buffer<float>(2);
  const int64 rows = call.integer(0), columns = call.integer(1);
  const double epsilon = call.number(2);
  overRows(call, rows, columns, [&](int64 r) {
    const float* x = input + r * columns;
    const float sum = sumOver(0, columns, [&](int64 i, auto part) { return part.read(x + i) * part.read(x + i); });
    // Squares of very large and very small numbers leave float32.
    const double squares = sum > 1e-30f && sum < 1e37f ? static_cast<double>(sum) : sumOfSquares(x, columns);
    const double norm = __builtin_sqrt(squares), denominator = norm < epsilon ? epsilon : norm;
    norms[r] = static_cast<float>(denominator);
    const Vector divisor = broadcast(static_cast<float>(denominator));
    overVectors(0, columns, [&](int64 i, auto part) { part.write(output + r * columns + i, part.read(x + i) / divisor); });
  });
}

void l2NormalizeBackward(const Call& call) {
  float* inputGradient = call.buffer<float>(0);
  const float* outputGradient = call.buffer<float>(1);
  const float* output = call.buffer<float>(2);
  const float* norms = call.buffer<float>(3);
  const int64 rows = call.integer(0), columns = call.integer(1);
  const float epsilon = static_cast<float>(call.number(2));
  overRows(call, rows, columns, [&](int64 r) {
    const float* g = outputGradient + r * columns;
    const float* y = output + r * columns;
    const bool constant = norms[r] <= epsilon;  // below epsilon the denominator does not depend on x
    const float product = constant ? 0 : sumOver(0, columns, [&](int64 i, auto part) { return part.read(g + i) * part.read(y + i); });
    const Vector dot = broadcast(product), divisor = broadcast(norms[r]);
    overVectors(0, columns, [&](int64 i, auto part) {
      part.write(inputGradient + r * columns + i, (part.read(g + i) - part.read(y + i) * dot) / divisor);
    });
  });
}

}  // namespace splitmask::SPLITMASK_SET
