// Philox 4×32-10 (Salmon, Moraes, Dror and Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3", 2011): ten rounds of
// multiply and exclusive-or turn a 128-bit counter and a 64-bit key into four random words. src/random.ts of autograd
// is the same generator.
#pragma once
#include "call.h"

namespace splitmask::SPLITMASK_SET {

using uint32 = unsigned int;
using uint64 = unsigned long long;

struct PhiloxWords {
  uint32 word[4];
};

inline PhiloxWords philox(PhiloxWords counter, uint32 key0, uint32 key1) {
  for (int round = 0; round < 10; ++round) {
    const uint64 product0 = uint64{0xD2511F53u} * counter.word[0], product1 = uint64{0xCD9E8D57u} * counter.word[2];
    counter = {{static_cast<uint32>(product1 >> 32) ^ counter.word[1] ^ key0, static_cast<uint32>(product1),
                static_cast<uint32>(product0 >> 32) ^ counter.word[3] ^ key1, static_cast<uint32>(product0)}};
    key0 += 0x9E3779B9u;  // the golden ratio
    key1 += 0xBB67AE85u;  // √3 − 1
  }
  return counter;
}

// The key of the project's streams: key (low word of the seed, purpose), counter (index, sample, step, high word of the
// seed).
struct RandomKey {
  uint64 seed;
  uint32 purpose, step, sample;

  PhiloxWords words(uint32 index) const {
    return philox({{index, sample, step, static_cast<uint32>(seed >> 32)}}, static_cast<uint32>(seed), purpose);
  }
};

// The key that a kernel is called with.
template <class Call> inline RandomKey keyOf(const Call& call) {
  return {static_cast<uint64>(call.seed), static_cast<uint32>(call.purpose), static_cast<uint32>(call.step),
          static_cast<uint32>(call.sample)};
}

// The words of one key in order, four to a counter: word i is word i % 4 of counter i / 4.
class RandomStream {
 public:
  explicit RandomStream(const RandomKey& key) : key_(key) {}

  uint32 next() {
    if (position_ == 4) {
      words_ = key_.words(index_++);
      position_ = 0;
    }
    return words_.word[position_++];
  }

  // Uniform in [0, 1), from one word.
  double uniform() { return next() * 0x1p-32; }

  // Uniform in [0, bound), 0 < bound < 2³², by Lemire's multiplication; words that would bias it are skipped.
  uint32 integer(uint32 bound) {
    const uint32 threshold = (0u - bound) % bound;
    for (;;) {
      const uint64 product = uint64{next()} * bound;
      if (static_cast<uint32>(product) >= threshold) return static_cast<uint32>(product >> 32);
    }
  }

 private:
  RandomKey key_;
  PhiloxWords words_{};
  uint32 index_ = 0;
  int position_ = 4;
};

}  // namespace splitmask::SPLITMASK_SET
