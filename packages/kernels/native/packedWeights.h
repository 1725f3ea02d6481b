// The layout of packed weights, which every version of packWeights and gemmPacked shares.
#pragma once
#include "generated/codes.h"

namespace splitmask {

// Steps of the inner dimension in one packed element of 32 bits.
constexpr int64 stepsOfElement(WeightFormat format) {
  return format == WeightFormat::int8 ? 4 : format == WeightFormat::bfloat16 ? 2 : 1;
}

// Packed elements of a panel along the inner dimension.
constexpr int64 packedElements(WeightFormat format, int64 k) {
  return (k + stepsOfElement(format) - 1) / stepsOfElement(format);
}

// With int8 weights, rows of a are quantized to the integers 0 … largestLevel.
constexpr float largestLevel = 255.0f;
// A row of a whose range is not larger, or a row of a weight whose largest magnitude is not, counts as constant: above
// it, 1 / range is a finite float.
constexpr float smallestRange = 1e-30f;

}  // namespace splitmask
