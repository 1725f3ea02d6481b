// parallelFor over a lambda, header only; lives in the namespace of the instruction set that includes it, so that the
// linker never mixes them.
#pragma once
#include "call.h"
#ifndef SPLITMASK_SET
#error "define SPLITMASK_SET (portable, avx2, avx512, neon, naive) before including parallel.h"
#endif

namespace splitmask::SPLITMASK_SET {

template <class Body> inline void parallelFor(const Call& call, int64 tasks, const Body& body) {
  if (tasks <= 0) return;
  if (tasks == 1 || call.parallel->threads == 1) {
    for (int64 task = 0; task < tasks; ++task) body(task, 0);
    return;
  }
  call.parallel->run(
      call.parallel->pool, tasks,
      [](void* context, int64 task, int thread) { (*static_cast<const Body*>(context))(task, thread); },
      const_cast<Body*>(&body));
}

}  // namespace splitmask::SPLITMASK_SET
