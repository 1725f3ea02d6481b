// What the machine can do at most: the plain version of the loops.
#include "naive.h"

namespace splitmask::naive {

template <class T> void multiplyAdds(const Call& call) {
  constexpr int chains = 256;
  T* output = call.buffer<T>(0);
  const int64 tasks = call.integer(0), steps = call.integer(1);
  const T scale = static_cast<T>(call.number(2)), offset = static_cast<T>(call.number(3));
  for (int64 task = 0; task < tasks; ++task) {
    T total = 0;
    for (int chain = 0; chain < chains; ++chain) {
      T value = static_cast<T>(chain) / chains;
      for (int64 step = 0; step < steps; ++step) value = value * scale + offset;
      total += value;
    }
    output[task] = total;
  }
}

}  // namespace splitmask::naive

NAIVE_KERNEL(multiplyAdds)
