// What the machine can do at most: loops that never leave the registers.
#include "../generated/limits.h"
#include "../call.h"
#include "../parallel.h"
#include "gemmPrecision.h"

namespace splitmask::SPLITMASK_SET {

namespace {

constexpr int chains = 256;

// So many vectors at a time as fit in the registers; eight are enough to hide the latency of two multiply-adds a cycle,
// sixteen of four.
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int accumulators = 16;
#else
constexpr int accumulators = 8;
#endif
constexpr int together = accumulators * lanes;
static_assert(chains % together == 0, "every pass is full");

// The numbers of the chains from `first` on, divided by how many there are.
SPLITMASK_INLINE Vector startOf(int first) {
  return toFloat(laneNumbers() + broadcast(first)) * broadcast(1.0f / chains);
}

// Every chain through `steps` times `advance(value)`; the sums of all chains of each task.
template <class Limit, class Advance> SPLITMASK_INLINE void runChains(const Limit& call, const Advance& advance) {
  const int64 steps = call.steps;
  parallelFor(call, call.tasks, [&](int64 task, int) {
    const Advance own = advance;
    Vector total = zero();
    for (int first = 0; first < chains; first += together) {
      Vector values[accumulators];
#pragma GCC unroll 16
      for (int i = 0; i < accumulators; ++i) values[i] = startOf(first + i * lanes);
      for (int64 step = 0; step < steps; ++step) {
#pragma GCC unroll 16
        for (int i = 0; i < accumulators; ++i) own(values[i]);
      }
#pragma GCC unroll 16
      for (int i = 0; i < accumulators; ++i) total += values[i];
    }
    call.output[task] = horizontalSum(total);
  });
}

}  // namespace

void multiplyAdds(const MultiplyAdds<float>& call) {
  const Vector scale = broadcast(static_cast<float>(call.scale)), offset = broadcast(static_cast<float>(call.offset));
  runChains(call, [scale, offset](Vector& value) { value = fma(value, scale, offset); });
}

void bfloat16Dots(const Bfloat16Dots<float>& call) {
  const Vector factor = broadcast(static_cast<float>(call.factor));
  constexpr int64 step = innerStep<Precision::bfloat16>;
  // A pair of the same number: its upper half, twice.
  const Vector packed = step == 2 ? asFloat(asInt(factor) | (asInt(factor) >> 16 & broadcast(0xffff))) : factor;
  runChains(call, [packed](Vector& value) {
    multiplyAdd<step>(value, packed, packed);
    if constexpr (step == 1) multiplyAdd<step>(value, packed, packed);
  });
}

}  // namespace splitmask::SPLITMASK_SET
