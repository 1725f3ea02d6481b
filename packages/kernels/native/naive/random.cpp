// Random numbers: element i takes word i % 4 of Philox counter i / 4, one word an element, whatever the type; so float64 holds the
// same draws as float32, and float32 is their rounding.
#include <algorithm>
#include <cmath>

#include "naive.h"
#include "../normalQuantile.h"
#include "../philox.h"

namespace splitmask::naive {

namespace {

// Φ(z), exact far below 0.
double normalShareBelow(double z) { return 0.5 * std::erfc(-z * std::sqrt(0.5)); }

// A word as a uniform number in [0, 1): its upper 24 bits, which float32 holds exactly.
double uniformOf(uint32 word) { return (word >> 8) * 0x1p-24; }
// A word as a uniform number in (0, 1), for the inverse distribution function.
double openUniformOf(uint32 word) { return (word + 0.5) * 0x1p-32; }

struct Distribution {
  int kind;
  double a, b, low, high;
  double belowLow = normalShareBelow((low - a) / b), belowHigh = normalShareBelow((high - a) / b);
};

template <class T> T draw(const Distribution& distribution, uint32 word) {
  const auto& [kind, a, b, low, high, belowLow, belowHigh] = distribution;
  switch (kind) {
    case 0: {
      const T value = static_cast<T>(a + (b - a) * uniformOf(word));
      return value < static_cast<T>(b) || !(a < b) ? value : std::nextafter(static_cast<T>(b), static_cast<T>(a));  // b stays excluded
    }
    case 1: return static_cast<T>(a + b * normalQuantile(openUniformOf(word)));
    case 2:
      return static_cast<T>(
          std::clamp(a + b * normalQuantile(belowLow + (belowHigh - belowLow) * openUniformOf(word)), low, high));
    default: return static_cast<T>(word * 0x1p-32 < a ? b : 0);
  }
}

}  // namespace

template <class T> void random(const Call& call) {
  T* output = call.buffer<T>(0);
  const int64 size = call.integer(0);
  const Distribution distribution{static_cast<int>(call.integer(1)), call.number(2), call.number(3), call.number(4),
                                  call.number(5)};
  const RandomKey key{static_cast<uint64>(call.integer(6)), static_cast<uint32>(call.integer(7)),
                      static_cast<uint32>(call.integer(8)), static_cast<uint32>(call.integer(9))};
  constexpr int64 chunk = 4096;
  parallelFor(call, (size + chunk - 1) / chunk, [&](int64 task, int) {
    const int64 end = (task + 1) * chunk < size ? (task + 1) * chunk : size;
    for (int64 i = task * chunk; i < end; i += 4) {
      const PhiloxWords words = key.words(static_cast<uint32>(i / 4));
      for (int64 j = 0; j < 4 && i + j < end; ++j) output[i + j] = draw<T>(distribution, words.word[j]);
    }
  });
}

}  // namespace splitmask::naive

NAIVE_KERNEL(random)
