// Cross-entropy: a row of logits is read from memory once and its gradient written once; what lies between happens in
// the cache.
#include "../generated/losses.h"
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

void crossEntropy(const CrossEntropy<float>& call) {
  if (!indicesAreInside(call, call.targets, call.rows, call.columns, true)) return;
  if (call.excludeDiagonal >= 0)
    for (int64 r = 0; r < call.rows; ++r)
      if (call.targets[r] == r + call.excludeDiagonal)
        return call.fail(call, "target {given} of a row is the column that excludeDiagonal leaves out of it",
                         call.targets[r], -1);
  overRows(call, call.rows, call.columns, [&](int64 r) {
    const int64 excluded =
        call.excludeDiagonal >= 0 && r + call.excludeDiagonal < call.columns ? r + call.excludeDiagonal : -1;
    const Columns used(call.columns, excluded);
    const float* x = call.logits + r * call.columns;
    float* dx = call.gradient ? call.gradient + r * call.columns : nullptr;
    if (call.targets[r] == noIndex) {
      call.losses[r] = __builtin_nanf("");
      if (dx) overVectors(0, call.columns, [&](int64 i, auto part) { part.write(dx + i, broadcast(call.losses[r])); });
      return;
    }
    const float largest =
        maximumOver(x, used.secondBegin, call.columns, maximumOver(x, 0, used.firstEnd, -__builtin_inff()));
    const Vector shift = broadcast(largest);
    const float targetShifted = x[call.targets[r]] - largest;
    const float shiftedSum = call.smoothing == 0 ? 0 : sumOverColumns(used, [&](int64 i, auto part) {
      return part.keep(part.read(x + i) - shift, 0);
    });
    const float sum = dx ? sumOverColumns(used,
                                          [&](int64 i, auto part) {
                                            const Vector power =
                                                part.keep(exponentialOfNegative(part.read(x + i) - shift), 0);
                                            part.write(dx + i, power);
                                            return power;
                                          })
                         : sumOverColumns(used, [&](int64 i, auto part) {
                             return part.keep(exponentialOfNegative(part.read(x + i) - shift), 0);
                           });
    const double share = call.smoothing / static_cast<double>(used.count);
    const float logSum = logarithm(broadcast(sum))[0];
    call.losses[r] = static_cast<float>(logSum - (1 - call.smoothing) * targetShifted - share * shiftedSum);
    if (!dx) return;
    const Vector factor = broadcast(static_cast<float>(call.gradientScale) / sum),
                 background = broadcast(static_cast<float>(share * call.gradientScale));
    const float targetPower = dx[call.targets[r]];
    overVectors(0, call.columns,
                [&](int64 i, auto part) { part.write(dx + i, part.read(dx + i) * factor - background); });
    dx[call.targets[r]] = static_cast<float>((static_cast<double>(targetPower) / sum - (1 - call.smoothing) - share) *
                                             call.gradientScale);
    if (excluded >= 0) dx[excluded] = 0;
  });
}

void softCrossEntropy(const SoftCrossEntropy<float>& call) {
  const Vector kept = broadcast(static_cast<float>(1 - call.smoothing)),
               share = broadcast(static_cast<float>(call.smoothing / static_cast<double>(call.columns)));
  overRows(call, call.rows, call.columns, [&](int64 r) {
    const float* x = call.logits + r * call.columns;
    const float* wanted = call.targets + r * call.columns;
    float* dx = call.gradient ? call.gradient + r * call.columns : nullptr;
    const Vector shift = broadcast(maximumOver(x, 0, call.columns, -__builtin_inff()));
    const auto smoothed = [&](int64 i, auto part) { return part.keep(fma(kept, part.read(wanted + i), share), 0); };
    const float total = sumOver(0, call.columns, smoothed);
    const float product = sumOver(0, call.columns, [&](int64 i, auto part) {
      const Vector q = smoothed(i, part);
      return select(q == zero(), zero(), q * (part.read(x + i) - shift));
    });
    const float sum = sumOver(0, call.columns, [&](int64 i, auto part) {
      const Vector power = part.keep(exponentialOfNegative(part.read(x + i) - shift), 0);
      if (dx) part.write(dx + i, power);
      return power;
    });
    call.losses[r] = total * logarithm(broadcast(sum))[0] - product;
    if (!dx) return;
    const Vector factor = broadcast(total / sum), scale = broadcast(static_cast<float>(call.gradientScale));
    overVectors(0, call.columns, [&](int64 i, auto part) {
      part.write(dx + i, (part.read(dx + i) * factor - smoothed(i, part)) * scale);
    });
  });
}

}  // namespace splitmask::SPLITMASK_SET
