// A vector of floats of the instruction set's width, and of 32-bit integers beside it: 16 lanes with AVX-512, 8 with
// AVX2, else 4 (SSE2, NEON, WebAssembly). Built on the compilers' vector extensions, so + − × ÷ < > == and ?: work on
// whole vectors (a comparison gives an IntVector of 0 and −1). No standard library here: an inline function compiled
// for one set must never be the one that the linker keeps for another.
#pragma once
#include "call.h"
#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#elif defined(__wasm__)
#include <wasm_simd128.h>
#endif

namespace splitmask::SPLITMASK_SET {

#if defined(__AVX512F__)
constexpr int lanes = 16;
#elif defined(__AVX2__)
constexpr int lanes = 8;
#else
constexpr int lanes = 4;
#endif

typedef float Vector __attribute__((vector_size(lanes * 4)));
typedef int IntVector __attribute__((vector_size(lanes * 4)));
typedef float UnalignedVector __attribute__((vector_size(lanes * 4), aligned(4), may_alias));
typedef int UnalignedIntVector __attribute__((vector_size(lanes * 4), aligned(4), may_alias));
typedef unsigned char ByteVector __attribute__((vector_size(lanes)));

#define SPLITMASK_INLINE static inline __attribute__((always_inline))

SPLITMASK_INLINE int64 minimum(int64 a, int64 b) { return a < b ? a : b; }
SPLITMASK_INLINE int64 maximum(int64 a, int64 b) { return a > b ? a : b; }

SPLITMASK_INLINE Vector load(const float* from) { return *reinterpret_cast<const UnalignedVector*>(from); }
SPLITMASK_INLINE void store(float* to, Vector value) { *reinterpret_cast<UnalignedVector*>(to) = value; }
SPLITMASK_INLINE IntVector load(const int* from) { return *reinterpret_cast<const UnalignedIntVector*>(from); }
SPLITMASK_INLINE void store(int* to, IntVector value) { *reinterpret_cast<UnalignedIntVector*>(to) = value; }

// Bytes as integers, and the lowest byte of integers.
SPLITMASK_INLINE IntVector load(const unsigned char* from) {
  ByteVector bytes;
  __builtin_memcpy(&bytes, from, lanes);
  return __builtin_convertvector(bytes, IntVector);
}
SPLITMASK_INLINE void store(unsigned char* to, IntVector value) {
  const ByteVector bytes = __builtin_convertvector(value, ByteVector);
  __builtin_memcpy(to, &bytes, lanes);
}

SPLITMASK_INLINE Vector broadcast(float value) { return value - Vector{}; }
SPLITMASK_INLINE IntVector broadcast(int value) { return value - IntVector{}; }
SPLITMASK_INLINE Vector zero() { return Vector{}; }

// 0, 1, 2, …
SPLITMASK_INLINE IntVector laneNumbers() {
#if defined(__AVX512F__)
  return IntVector{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
#elif defined(__AVX2__)
  return IntVector{0, 1, 2, 3, 4, 5, 6, 7};
#else
  return IntVector{0, 1, 2, 3};
#endif
}

// −1 in the first `count` lanes, 0 in the rest.
SPLITMASK_INLINE IntVector firstLanes(int count) { return laneNumbers() < broadcast(count); }

// The first `count` (0 … lanes) elements, `filler` in the other lanes; reads nothing beyond them.
SPLITMASK_INLINE Vector loadPartial(const float* from, int count, float filler = 0.0f) {
#if defined(__AVX512F__)
  return (Vector)_mm512_mask_loadu_ps((__m512)broadcast(filler), (__mmask16)((1u << count) - 1u), from);
#elif defined(__AVX2__)
  const IntVector mask = firstLanes(count);
  return mask ? (Vector)_mm256_maskload_ps(from, (__m256i)mask) : broadcast(filler);
#else
  Vector value = broadcast(filler);
  for (int i = 0; i < count; ++i) value[i] = from[i];
  return value;
#endif
}

// Writes the first `count` (0 … lanes) elements and nothing beyond them.
SPLITMASK_INLINE void storePartial(float* to, Vector value, int count) {
#if defined(__AVX512F__)
  _mm512_mask_storeu_ps(to, (__mmask16)((1u << count) - 1u), (__m512)value);
#elif defined(__AVX2__)
  _mm256_maskstore_ps(to, (__m256i)firstLanes(count), (__m256)value);
#else
  for (int i = 0; i < count; ++i) to[i] = value[i];
#endif
}

SPLITMASK_INLINE IntVector loadPartial(const int* from, int count, int filler = 0) {
#if defined(__AVX512F__)
  return (IntVector)_mm512_mask_loadu_epi32((__m512i)broadcast(filler), (__mmask16)((1u << count) - 1u), from);
#elif defined(__AVX2__)
  const IntVector mask = firstLanes(count);
  return mask ? (IntVector)_mm256_maskload_epi32(from, (__m256i)mask) : broadcast(filler);
#else
  IntVector value = broadcast(filler);
  for (int i = 0; i < count; ++i) value[i] = from[i];
  return value;
#endif
}

SPLITMASK_INLINE void storePartial(int* to, IntVector value, int count) {
#if defined(__AVX512F__)
  _mm512_mask_storeu_epi32(to, (__mmask16)((1u << count) - 1u), (__m512i)value);
#elif defined(__AVX2__)
  _mm256_maskstore_epi32(to, (__m256i)firstLanes(count), (__m256i)value);
#else
  for (int i = 0; i < count; ++i) to[i] = value[i];
#endif
}

SPLITMASK_INLINE IntVector loadPartial(const unsigned char* from, int count, int filler = 0) {
  IntVector value = broadcast(filler);
  for (int i = 0; i < count; ++i) value[i] = from[i];
  return value;
}

SPLITMASK_INLINE void storePartial(unsigned char* to, IntVector value, int count) {
  for (int i = 0; i < count; ++i) to[i] = static_cast<unsigned char>(value[i]);
}

// a·b + c, rounded once where the set has fused multiply-add.
SPLITMASK_INLINE Vector fma(Vector a, Vector b, Vector c) {
#if defined(__AVX512F__)
  return (Vector)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__AVX2__)
  return (Vector)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(__aarch64__)
  return (Vector)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#elif defined(__wasm_relaxed_simd__)
  return (Vector)wasm_f32x4_relaxed_madd((v128_t)a, (v128_t)b, (v128_t)c);
#else
  return a * b + c;
#endif
}

// By lanes a > b ? a : b; where either is NaN: b.
SPLITMASK_INLINE Vector maximum(Vector a, Vector b) {
#if defined(__AVX512F__)
  return (Vector)_mm512_max_ps((__m512)a, (__m512)b);
#elif defined(__AVX2__)
  return (Vector)_mm256_max_ps((__m256)a, (__m256)b);
#elif defined(__wasm__)
  return (Vector)wasm_f32x4_pmax((v128_t)b, (v128_t)a);
#else
  return a > b ? a : b;
#endif
}

// By lanes a < b ? a : b; where either is NaN: b.
SPLITMASK_INLINE Vector minimum(Vector a, Vector b) {
#if defined(__AVX512F__)
  return (Vector)_mm512_min_ps((__m512)a, (__m512)b);
#elif defined(__AVX2__)
  return (Vector)_mm256_min_ps((__m256)a, (__m256)b);
#elif defined(__wasm__)
  return (Vector)wasm_f32x4_pmin((v128_t)b, (v128_t)a);
#else
  return a < b ? a : b;
#endif
}

SPLITMASK_INLINE Vector squareRoot(Vector a) {
#if defined(__AVX512F__)
  return (Vector)_mm512_sqrt_ps((__m512)a);
#elif defined(__AVX2__)
  return (Vector)_mm256_sqrt_ps((__m256)a);
#elif defined(__aarch64__)
  return (Vector)vsqrtq_f32((float32x4_t)a);
#elif defined(__wasm__)
  return (Vector)wasm_f32x4_sqrt((v128_t)a);
#else
  for (int i = 0; i < lanes; ++i) a[i] = __builtin_sqrtf(a[i]);
  return a;
#endif
}

// mask (0 or −1 by lanes) ? a : b.
SPLITMASK_INLINE Vector select(IntVector mask, Vector a, Vector b) { return mask ? a : b; }
SPLITMASK_INLINE IntVector select(IntVector mask, IntVector a, IntVector b) { return mask ? a : b; }

// The bits of one as the other.
SPLITMASK_INLINE IntVector asInt(Vector a) { return (IntVector)a; }
SPLITMASK_INLINE Vector asFloat(IntVector a) { return (Vector)a; }
// Values; toInt cuts towards zero.
SPLITMASK_INLINE Vector toFloat(IntVector a) { return __builtin_convertvector(a, Vector); }
SPLITMASK_INLINE IntVector toInt(Vector a) { return __builtin_convertvector(a, IntVector); }
SPLITMASK_INLINE Vector absolute(Vector a) { return asFloat(asInt(a) & broadcast(0x7fffffff)); }

// Reduces by halves: lane i with lane i + lanes/2, and so on; the order is fixed for a set.
template <class Combine> SPLITMASK_INLINE float reduceLanes(Vector a, Combine combine) {
  float values[lanes];
  __builtin_memcpy(values, &a, sizeof values);
  for (int half = lanes / 2; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) values[i] = combine(values[i], values[i + half]);
  return values[0];
}
SPLITMASK_INLINE float horizontalSum(Vector a) {
  return reduceLanes(a, [](float x, float y) { return x + y; });
}
SPLITMASK_INLINE float horizontalMaximum(Vector a) {
  return reduceLanes(a, [](float x, float y) { return x > y ? x : y; });
}
SPLITMASK_INLINE float horizontalMinimum(Vector a) {
  return reduceLanes(a, [](float x, float y) { return x < y ? x : y; });
}

}  // namespace splitmask::SPLITMASK_SET
