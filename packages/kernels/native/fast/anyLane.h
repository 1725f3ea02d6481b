// Whether a comparison is true in any lane.
#pragma once
#include "../vector.h"

namespace splitmask::SPLITMASK_SET {

SPLITMASK_INLINE bool anyLane(IntVector mask) {
#if defined(__AVX512F__)
  return _mm512_test_epi32_mask((__m512i)mask, (__m512i)mask) != 0;
#elif defined(__AVX2__)
  return _mm256_movemask_ps((__m256)mask) != 0;
#elif defined(__SSE2__)
  return _mm_movemask_ps((__m128)mask) != 0;
#elif defined(__aarch64__)
  return vmaxvq_u32((uint32x4_t)mask) != 0;
#elif defined(__wasm__)
  return wasm_v128_any_true((v128_t)mask);
#else
  int any = 0;
  for (int lane = 0; lane < lanes; ++lane) any |= mask[lane];
  return any != 0;
#endif
}

}  // namespace splitmask::SPLITMASK_SET
