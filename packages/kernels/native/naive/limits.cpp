// What the machine can do at most: the plain version of the loops.
#include "../generated/limits.h"
#include "naive.h"

namespace splitmask::naive {

template <class T, class Limit, class Advance> static void runChains(const Limit& call, const Advance& advance) {
  constexpr int chains = 256;
  for (int64 task = 0; task < call.tasks; ++task) {
    T total = 0;
    for (int chain = 0; chain < chains; ++chain) {
      T value = static_cast<T>(chain) / chains;
      for (int64 step = 0; step < call.steps; ++step) value = advance(value);
      total += value;
    }
    call.output[task] = total;
  }
}

template <class T> void multiplyAdds(const MultiplyAdds<T>& call) {
  const T scale = static_cast<T>(call.scale), offset = static_cast<T>(call.offset);
  runChains<T>(call, [=](T value) { return value * scale + offset; });
}

template <class T> void bfloat16Dots(const Bfloat16Dots<T>& call) {
  const T factor = static_cast<T>(call.factor);
  runChains<T>(call, [=](T value) { return value + factor * factor + factor * factor; });
}

}  // namespace splitmask::naive

NAIVE_KERNEL(multiplyAdds, MultiplyAdds)
NAIVE_KERNEL(bfloat16Dots, Bfloat16Dots)
