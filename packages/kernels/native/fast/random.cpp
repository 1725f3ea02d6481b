// Dropout: Philox words of as many counters as fit in a vector, four words each, next to the product they choose.
#include "../generated/random.h"
#include "../philox.h"
#include "loops.h"

namespace splitmask::SPLITMASK_SET {

namespace {

// 32-bit numbers in lanes of 64 bits.
typedef unsigned long long WideVector __attribute__((vector_size(lanes * 4)));
constexpr int counters = lanes / 2;

// The product of the lower halves of each lane.
SPLITMASK_INLINE WideVector multiplyWide(WideVector a, WideVector b) {
#if defined(__AVX512F__)
  return (WideVector)_mm512_mul_epu32((__m512i)a, (__m512i)b);
#elif defined(__AVX2__)
  return (WideVector)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#elif defined(__SSE2__)
  return (WideVector)_mm_mul_epu32((__m128i)a, (__m128i)b);
#elif defined(__aarch64__)
  return (WideVector)vmull_u32(vmovn_u64((uint64x2_t)a), vmovn_u64((uint64x2_t)b));
#else
  return (a & 0xffffffffull) * (b & 0xffffffffull);
#endif
}

// The words of the counters index, index + 1, … in order.
SPLITMASK_INLINE void philoxWords(const RandomKey& key, uint32 index, uint32* words) {
  WideVector c0;
  for (int i = 0; i < counters; ++i) c0[i] = index + static_cast<uint32>(i);
  WideVector c1 = WideVector{} + key.sample, c2 = WideVector{} + key.step, c3 = WideVector{} + (key.seed >> 32);
  uint32 key0 = static_cast<uint32>(key.seed), key1 = key.purpose;
  for (int round = 0; round < 10; ++round) {
    const WideVector product0 = multiplyWide(c0, WideVector{} + 0xD2511F53ull);
    const WideVector product1 = multiplyWide(c2, WideVector{} + 0xCD9E8D57ull);
    // The upper halves of c1 and c3 are products' remains, which neither a product nor the words see.
    c0 = (product1 >> 32) ^ c1 ^ static_cast<uint64>(key0);
    c1 = product1;
    c2 = (product0 >> 32) ^ c3 ^ static_cast<uint64>(key1);
    c3 = product0;
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  const WideVector first = (c0 & 0xffffffffull) | (c1 << 32), second = (c2 & 0xffffffffull) | (c3 << 32);
  for (int i = 0; i < counters; ++i) {
    const uint64 pairs[2] = {first[i], second[i]};
    __builtin_memcpy(words + 4 * i, pairs, sizeof pairs);
  }
}

}  // namespace

void dropout(const Dropout<float>& call) {
  constexpr int64 block = 4 * counters;  // two vectors
  const double kept = 1 - call.probability;
  const Vector scale = broadcast(static_cast<float>(1 / kept));
  // A word is kept below this limit; compared with signs, which a difference of 2³¹ turns around. 2³² keeps all.
  const double limit = __builtin_ceil(kept * 0x1p32);
  const IntVector keepsAll = broadcast(limit >= 0x1p32 ? -1 : 0), turn = broadcast(-0x7fffffff - 1);
  const IntVector bound = broadcast(static_cast<int>(static_cast<uint32>(static_cast<uint64>(limit)))) ^ turn;
  const int64 columns = call.columns, pieces = (columns + taskElements - 1) / taskElements;  // of a row
  overRows(call, call.rows * pieces, minimum(columns, taskElements), [&](int64 item) {
    const int64 r = item / pieces, begin = item % pieces * taskElements, end = minimum(columns, begin + taskElements);
    RandomKey key = keyOf(call);
    key.sample = static_cast<uint32>(call.sample + r / call.count * call.total + r % call.count);
    const float* x = call.input + r * columns;
    float* y = call.output + r * columns;
    uint32 words[block];
    for (int64 start = begin; start < end; start += block) {
      philoxWords(key, static_cast<uint32>(start / 4), words);
      overVectors(start, minimum(end, start + block), [&](int64 c, auto part) {
        const IntVector word = load(reinterpret_cast<const int*>(words + (c - start)));
        const IntVector isKept = ((word ^ turn) < bound) | keepsAll;
        part.write(y + c, part.read(x + c) * select(isKept, scale, zero()));
      });
    }
  });
}

}  // namespace splitmask::SPLITMASK_SET
