// Arrays of bfloat16 as the naive kernels read and write them.
#pragma once
#include "../bfloat16.h"
#include "roundedTo.h"

namespace splitmask::naive {

inline float floatOf(Bfloat16 value) {
  const uint32_t bits = static_cast<uint32_t>(value.bits) << 16;
  float number;
  std::memcpy(&number, &bits, 4);
  return number;
}

template <class T> Bfloat16 bfloat16Of(T value) {
  const float rounded = roundToBfloat16(static_cast<float>(value));
  uint32_t bits;
  std::memcpy(&bits, &rounded, 4);
  return {static_cast<unsigned short>((rounded != rounded ? bits | 0x00400000u : bits) >> 16)};
}

// Element i of an array whose elements are T or bfloat16.
template <class T> T elementOf(const void* array, ElementType type, int64 i) {
  return type == ElementType::bfloat16 ? T(floatOf(static_cast<const Bfloat16*>(array)[i]))
                                       : static_cast<const T*>(array)[i];
}
template <class T> void setElement(void* array, ElementType type, int64 i, T value) {
  if (type == ElementType::bfloat16)
    static_cast<Bfloat16*>(array)[i] = bfloat16Of(value);
  else
    static_cast<T*>(array)[i] = value;
}

}  // namespace splitmask::naive
