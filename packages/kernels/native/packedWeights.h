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

// The largest of the whole numbers that rows of a become for weights of int8.
constexpr float largestLevel = 255.0f;
// Rows whose range, or rows of a weight whose largest element, is not above are as good as constant; 1 / range of
// others is a float.
constexpr float smallestRange = 1e-30f;

}  // namespace splitmask
