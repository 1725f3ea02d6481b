// Fetches what is computed next into the caches, a little after each tile: all at once would wait for each other, and
// what the products need would wait for them.
#pragma once
#include "../vector.h"

namespace splitmask::SPLITMASK_SET {

// How near to the core: what is needed much later would drive out of the first-level cache what is needed now.
enum class FetchInto { firstLevel, secondLevel };

class FetchAhead {
 public:
  // What is added is fetched in `steps` steps.
  explicit FetchAhead(int64 steps, FetchInto into = FetchInto::secondLevel) : steps_(maximum(1, steps)), into_(into) {}
  // `lines` runs of `floats` floats, `stride` apart; at most seven such areas.
  void add(const float* from, int64 stride, int64 lines, int64 floats) {
#if defined(__wasm__)
    return;  // it has no prefetches
#endif
    if (lines <= 0 || floats <= 0) return;
    areas_[count_++] = {from, stride, lines, floats, 0, (lines * ((floats + 15) / 16) + steps_ - 1) / steps_};
  }
  inline __attribute__((always_inline)) void step() {
    for (int area = 0; area < count_; ++area) {
      Area& of = areas_[area];
      for (int64 i = 0; i < of.each && of.lines > 0; ++i) {
        if (into_ == FetchInto::secondLevel)
          __builtin_prefetch(of.line + of.place, 0, 2);
        else
          __builtin_prefetch(of.line + of.place, 0, 3);
        of.place += 16;
        if (of.place < of.floats) continue;
        of.place = 0;
        of.line += of.stride;
        --of.lines;
      }
    }
  }

 private:
  struct Area {
    const float* line;
    int64 stride, lines, floats, place, each;
  };
  int64 steps_;
  FetchInto into_;
  int count_ = 0;
  Area areas_[7];
};

}  // namespace splitmask::SPLITMASK_SET
