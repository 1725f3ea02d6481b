// What a naive kernel file includes besides generated/<group>.h: write `template <class T> void name(const Name<T>&
// call)` in namespace splitmask::naive and end with NAIVE_KERNEL(name, Name), which compiles it for float and double.
#pragma once
#include <cmath>

#include "../call.h"
#include "../parallel.h"

#define NAIVE_KERNEL(name, Name)                \
  namespace splitmask::naive {                  \
  template void name(const Name<float>& call);  \
  template void name(const Name<double>& call); \
  }
