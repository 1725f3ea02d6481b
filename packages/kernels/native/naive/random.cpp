// Random numbers: element i takes word i % 4 of Philox counter i / 4, one word an element, whatever the type; so float64 holds the
// same draws as float32, and float32 is their rounding.
#include <cmath>

#include "naive.h"
#include "../normalQuantile.h"
#include "../philox.h"

namespace splitmask::naive {

namespace {

constexpr double cut = 2;                              // of the truncated normal, in standard deviations
const double belowCut = 0.5 * std::erfc(cut * std::sqrt(0.5));  // Φ(−cut)

// A word as a uniform number in [0, 1): its upper 24 bits, which float32 holds exactly.
double uniformOf(uint32 word) { return (word >> 8) * 0x1p-24; }
// A word as a uniform number in (0, 1), for the inverse distribution function.
double openUniformOf(uint32 word) { return (word + 0.5) * 0x1p-32; }

template <class T> T draw(int distribution, double a, double b, uint32 word) {
  switch (distribution) {
    case 0: {
      const T value = static_cast<T>(a + (b - a) * uniformOf(word));
      return value < static_cast<T>(b) || !(a < b) ? value : std::nextafter(static_cast<T>(b), static_cast<T>(a));  // b stays excluded
    }
    case 1: return static_cast<T>(a + b * normalQuantile(openUniformOf(word)));
    case 2: return static_cast<T>(a + b * normalQuantile(belowCut + (1 - 2 * belowCut) * openUniformOf(word)));
    default: return static_cast<T>(word * 0x1p-32 < a ? b : 0);
  }
}

}  // namespace

template <class T> void random(const Call& call) {
  T* output = call.buffer<T>(0);
  const int64 size = call.integer(0);
  const int distribution = static_cast<int>(call.integer(1));
  const double a = call.number(2), b = call.number(3);
  const RandomKey key{static_cast<uint64>(call.integer(4)), static_cast<uint32>(call.integer(5)), static_cast<uint32>(call.integer(6)),
                      static_cast<uint32>(call.integer(7))};
  constexpr int64 chunk = 4096;
  parallelFor(call, (size + chunk - 1) / chunk, [&](int64 task, int) {
    const int64 end = (task + 1) * chunk < size ? (task + 1) * chunk : size;
    for (int64 i = task * chunk; i < end; i += 4) {
      const PhiloxWords words = key.words(static_cast<uint32>(i / 4));
      for (int64 j = 0; j < 4 && i + j < end; ++j) output[i + j] = draw<T>(distribution, a, b, words.word[j]);
    }
  });
}

}  // namespace splitmask::naive

NAIVE_KERNEL(random)
