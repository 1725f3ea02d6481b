// Cross-entropy: a row of logits is read from memory once and its gradient written once; what lies between happens in the cache.
#include "../indices.h"
#include "loops.h"
#include "maths.h"

namespace splitmask::SPLITMASK_SET {

namespace {

// The columns of a row without the one left out: [0, excluded) and [excluded + 1, columns).
struct Columns {
  int64 firstEnd, secondBegin, end, count;
  Columns(int64 columns, int64 excluded)
      : firstEnd(excluded < 0 ? columns : excluded),
        secondBegin(excluded < 0 ? columns : excluded + 1),
        end(columns),
        count(excluded < 0 ? columns : columns - 1) {}
};

template <class Term> SPLITMASK_INLINE float sumOverColumns(const Columns& columns, const Term& term) {
  const float first = sumOver(0, columns.firstEnd, term);
  return columns.secondBegin < columns.end ? first + sumOver(columns.secondBegin, columns.end, term) : first;
}

}  // namespace

void crossEntropy(const Call& call) {
  float* losses = call.buffer<float>(0);
  float* gradient = call.buffer<float>(1);
  const float* logits = call.buffer<float>(2);
  const int* targets = call.buffer<int>(3);
  const int64 rows = call.integer(0), columns = call.integer(1);
  const double smoothing = call.number(2), gradientScale = call.number(3);
  const int64 excludeDiagonal = call.integer(4);
  if (!indicesAreInside(call, targets, rows, columns, true)) return;
  if (excludeDiagonal >= 0)
    for (int64 r = 0; r < rows; ++r)
      if (targets[r] == r + excludeDiagonal)
        return call.fail(call, "target {given} of a row is the column that excludeDiagonal leaves out of it", targets[r], -1);
  overRows(call, rows, columns, [&](int64 r) {
    const int64 excluded = excludeDiagonal >= 0 && r + excludeDiagonal < columns ? r + excludeDiagonal : -1;
    const Columns used(columns, excluded);
    const float* x = logits + r * columns;
    float* dx = gradient ? gradient + r * columns : nullptr;
    if (targets[r] == noIndex) {
      losses[r] = __builtin_nanf("");
      if (dx) overVectors(0, columns, [&](int64 i, auto part) { part.write(dx + i, broadcast(losses[r])); });
      return;
    }
    const float largest = maximumOver(x, used.secondBegin, columns, maximumOver(x, 0, used.firstEnd, -__builtin_inff()));
    const Vector shift = broadcast(largest);
    const float targetShifted = x[targets[r]] - largest;
    const float shiftedSum =
        smoothing == 0 ? 0 : sumOverColumns(used, [&](int64 i, auto part) { return part.keep(part.read(x + i) - shift, 0); });
    const float sum = dx ? sumOverColumns(used,
                                   [&](int64 i, auto part) {
                                     const Vector power = part.keep(exponentialOfNegative(part.read(x + i) - shift), 0);
                                     part.write(dx + i, power);
                                     return power;
                                   })
                         : sumOverColumns(used, [&](int64 i, auto part) {
                             return part.keep(exponentialOfNegative(part.read(x + i) - shift), 0);
                           });
    const double share = smoothing / static_cast<double>(used.count);
    const float logSum = logarithm(broadcast(sum))[0];
    losses[r] = static_cast<float>(logSum - (1 - smoothing) * targetShifted - share * shiftedSum);
    if (!dx) return;
    const Vector factor = broadcast(static_cast<float>(gradientScale) / sum), background = broadcast(static_cast<float>(share * gradientScale));
    const float targetPower = dx[targets[r]];
    overVectors(0, columns, [&](int64 i, auto part) { part.write(dx + i, part.read(dx + i) * factor - background); });
    dx[targets[r]] = static_cast<float>((static_cast<double>(targetPower) / sum - (1 - smoothing) - share) * gradientScale);
    if (excluded >= 0) dx[excluded] = 0;
  });
}

void softCrossEntropy(const Call& call) {
  float* losses = call.buffer<float>(0);
  float* gradient = call.buffer<float>(1);
  const float* logits = call.buffer<float>(2);
  const float* targets = call.buffer<float>(3);
  const int64 rows = call.integer(0), columns = call.integer(1);
  const double smoothing = call.number(2), gradientScale = call.number(3);
  const Vector kept = broadcast(static_cast<float>(1 - smoothing)), share = broadcast(static_cast<float>(smoothing / static_cast<double>(columns)));
  overRows(call, rows, columns, [&](int64 r) {
    const float* x = logits + r * columns;
    const float* wanted = targets + r * columns;
    float* dx = gradient ? gradient + r * columns : nullptr;
    const Vector shift = broadcast(maximumOver(x, 0, columns, -__builtin_inff()));
    const auto smoothed = [&](int64 i, auto part) { return part.keep(fma(kept, part.read(wanted + i), share), 0); };
    const float total = sumOver(0, columns, smoothed);
    const float product = sumOver(0, columns, [&](int64 i, auto part) {
      const Vector q = smoothed(i, part);
      return select(q == zero(), zero(), q * (part.read(x + i) - shift));
    });
    const float sum = sumOver(0, columns, [&](int64 i, auto part) {
      const Vector power = part.keep(exponentialOfNegative(part.read(x + i) - shift), 0);
      if (dx) part.write(dx + i, power);
      return power;
    });
    losses[r] = total * logarithm(broadcast(sum))[0] - product;
    if (!dx) return;
    const Vector factor = broadcast(total / sum), scale = broadcast(static_cast<float>(gradientScale));
    overVectors(0, columns, [&](int64 i, auto part) { part.write(dx + i, (part.read(dx + i) * factor - smoothed(i, part)) * scale); });
  });
}

}  // namespace splitmask::SPLITMASK_SET
