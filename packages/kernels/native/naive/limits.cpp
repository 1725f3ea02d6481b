// What the machine can do at most: the plain version of the loops.
#include "naive.h"

namespace splitmask::naive {

template <class T, class Advance> static void runChains(const Call& call, const Advance& advance) {
  constexpr int chains = 256;
  T* output = call.buffer<T>(0);
  const int64 tasks = call.integer(0), steps = call.integer(1);
  for (int64 task = 0; task < tasks; ++task) {
    T total = 0;
    for (int chain = 0; chain < chains; ++chain) {
      T value = static_cast<T>(chain) / chains;
      for (int64 step = 0; step < steps; ++step) value = advance(value);
      total += value;
    }
    output[task] = total;
  }
}

template <class T> void multiplyAdds(const Call& call) {
  const T scale = static_cast<T>(call.number(2)), offset = static_cast<T>(call.number(3));
  runChains<T>(call, [=](T value) { return value * scale + offset; });
}

template <class T> void bfloat16Dots(const Call& call) {
  const T factor = static_cast<T>(call.number(2));
  runChains<T>(call, [=](T value) { return value + factor * factor + factor * factor; });
}

}  // namespace splitmask::naive

NAIVE_KERNEL(multiplyAdds)
NAIVE_KERNEL(bfloat16Dots)
