#include <cstring>

#include "naive.h"

namespace splitmask::naive {

template <class T> void fill(const Call& call) {
  T* output = call.buffer<T>(0);
  const int64 size = call.integer(0);
  const T value = static_cast<T>(call.number(1));
  for (int64 i = 0; i < size; ++i) output[i] = value;
}

template <class T> void copyBytes(const Call& call) {
  std::memcpy(call.buffer<char>(0), call.buffer<char>(1), static_cast<size_t>(call.integer(0)));
}

}  // namespace splitmask::naive

NAIVE_KERNEL(fill)
NAIVE_KERNEL(copyBytes)
