// A call as the queue holds it: pointers and numbers in the order of the kernel's entry. Only the generated structs
// read it.
#pragma once
#include "call.h"

namespace splitmask {

struct QueuedCall : Call {
  void* const* buffers;  // null where an optional buffer was not given
  const double* numbers;
  int64 eachCount;           // items of the list
  void* const* eachBuffers;  // item after item
  const double* eachNumbers;
};

using Kernel = void (*)(const QueuedCall& queued);

}  // namespace splitmask
