// The caches of this machine's cores.
#pragma once
#include "../call.h"

namespace splitmask {

struct MachineCaches {
  CacheSizes ofCore;
  int64 last;  // the whole last level, all cores' parts
};

// From the operating system; what it does not report is 32 KiB, 1 MiB and 32 MiB.
MachineCaches machineCaches();

}  // namespace splitmask
