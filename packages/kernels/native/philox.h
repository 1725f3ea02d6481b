// Philox 4×32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", 2011). Internal linkage: each instruction set has its own.
#pragma once

namespace splitmask {

// Four words for counter (c0, c1, c2, c3) under key (seed, purpose).
static inline void philox(unsigned seed, unsigned purpose, unsigned c0, unsigned c1, unsigned c2, unsigned c3, unsigned (&output)[4]) {
  for (int round = 0; round < 10; ++round) {
    const unsigned long long first = 0xD2511F53ULL * c0, second = 0xCD9E8D57ULL * c2;
    c0 = static_cast<unsigned>(second >> 32) ^ c1 ^ seed;
    c1 = static_cast<unsigned>(second);
    c2 = static_cast<unsigned>(first >> 32) ^ c3 ^ purpose;
    c3 = static_cast<unsigned>(first);
    seed += 0x9E3779B9u;
    purpose += 0xBB67AE85u;
  }
  output[0] = c0;
  output[1] = c1;
  output[2] = c2;
  output[3] = c3;
}

}  // namespace splitmask
