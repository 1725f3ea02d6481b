// What a naive kernel file includes: write `template <class T> void name(const Call& call)` in namespace splitmask::naive and end with
// NAIVE_KERNEL(name), which instantiates it for float and double under the names that the registry looks for.
#pragma once
#include <cmath>

#include "../call.h"
#include "../parallel.h"

#define NAIVE_KERNEL(name)                                                              \
  namespace splitmask::naive {                                                          \
  void name##Float32(const Call& call) { name<float>(call); }                           \
  void name##Float64(const Call& call) { name<double>(call); }                          \
  }
