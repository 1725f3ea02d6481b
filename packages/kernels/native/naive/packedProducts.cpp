// packWeights and gemmPacked as their definitions say. packWeights runs once for a weight and has no fast version.
#include "../generated/packedProducts.h"

#include <vector>

#include "../packedWeights.h"
#include "naive.h"
#include "roundedTo.h"

namespace splitmask::naive {

// The largest magnitude of a row; NaN if an element is not finite.
template <class T> static float largestOf(const T* row, int64 count) {
  float largest = 0;
  for (int64 i = 0; i < count; ++i) {
    const float value = static_cast<float>(row[i]);
    if (!std::isfinite(value)) return std::nanf("");
    largest = std::fmax(largest, std::fabs(value));
  }
  return largest;
}

template <class T> void packWeights(const PackWeights<T>& call) {
  const int64 steps = stepsOfElement(call.format), elements = packedElements(call.format, call.k);
  parallelFor(call, (call.n + packedColumns - 1) / packedColumns, [&](int64 panel, int) {
    unsigned char* const place = call.packed + panel * elements * packedColumns * 4;
    std::memset(place, 0, static_cast<size_t>(elements * packedColumns * 4));
    for (int64 column = 0; column < packedColumns && panel * packedColumns + column < call.n; ++column) {
      const int64 row = panel * packedColumns + column;
      const T* weight = call.weight + row * call.k;
      const float largest = call.format == WeightFormat::int8 ? largestOf(weight, call.k) : 0.0f;
      const float inverse = largest > smallestRange ? 127.0f / largest : 0.0f;
      int sum = 0;
      for (int64 k = 0; k < call.k; ++k) {
        unsigned char* element = place + (k / steps * packedColumns + column) * 4;
        const float value = static_cast<float>(weight[k]);
        if (call.format == WeightFormat::float32) {
          std::memcpy(element, &value, 4);
        } else if (call.format == WeightFormat::bfloat16) {
          const float rounded = roundToBfloat16(value);
          std::memcpy(element + k % 2 * 2, reinterpret_cast<const unsigned char*>(&rounded) + 2, 2);
        } else {
          const int whole = inverse > 0 ? static_cast<int>(std::nearbyint(value * inverse)) : 0;
          element[k % 4] = static_cast<unsigned char>(whole);
          sum += whole;
        }
      }
      if (call.scales) call.scales[row] = largest / 127.0f;
      if (call.sums) call.sums[row] = sum;
    }
  });
}

// A row of a, quantized as in gemmPacked: value = low + step·level.
template <class T> struct Levels {
  std::vector<int> level;
  float low, step;
  Levels(const T* row, int64 k) : level(static_cast<size_t>(k)) {
    float high = k > 0 ? static_cast<float>(row[0]) : 0.0f;
    low = high;
    for (int64 i = 0; i < k; ++i) {
      const float value = static_cast<float>(row[i]);
      if (!std::isfinite(value)) {
        low = step = std::nanf("");
        return;
      }
      low = std::fmin(low, value);
      high = std::fmax(high, value);
    }
    const float range = high - low;
    step = range > smallestRange ? range / largestLevel : 0.0f;
    const float inverse = range > smallestRange ? largestLevel / range : 0.0f;
    for (int64 i = 0; i < k; ++i) {
      level[static_cast<size_t>(i)] = static_cast<int>(std::nearbyint((static_cast<float>(row[i]) - low) * inverse));
    }
  }
};

template <class T> void gemmPacked(const GemmPacked<T>& call) {
  const int64 steps = stepsOfElement(call.format), elements = packedElements(call.format, call.k);
  const bool bytes = call.format == WeightFormat::int8;
  const auto weightAt = [&](int64 column, int64 k) {
    const unsigned char* element =
        call.packed + ((column / packedColumns * elements + k / steps) * packedColumns + column % packedColumns) * 4;
    float value = 0;
    if (bytes) return static_cast<float>(static_cast<signed char>(element[k % 4]));
    if (call.format == WeightFormat::float32) {
      std::memcpy(&value, element, 4);
    } else {
      std::memcpy(reinterpret_cast<unsigned char*>(&value) + 2, element + k % 2 * 2, 2);
    }
    return value;
  };
  parallelFor(call, call.m, [&](int64 row, int) {
    const T* a = call.a + row * call.k;
    const Levels<T> levels(a, bytes ? call.k : 0);
    for (int64 column = 0; column < call.n; ++column) {
      T value = 0;
      if (bytes) {
        int sum = 0;
        for (int64 k = 0; k < call.k; ++k)
          sum += levels.level[static_cast<size_t>(k)] * static_cast<int>(weightAt(column, k));
        value = T(call.scales[column]) * (T(levels.step) * T(sum) + T(levels.low) * T(call.sums[column]));
      } else {
        for (int64 k = 0; k < call.k; ++k) {
          const T left = call.format == WeightFormat::bfloat16 ? T(roundToBfloat16(static_cast<float>(a[k]))) : a[k];
          value += left * T(weightAt(column, k));
        }
      }
      if (call.bias) value += call.bias[column];
      if (call.activation == OutputActivation::gelu)
        value *= T(0.5) * (T(1) + std::erf(value * T(0.70710678118654752440)));
      const int64 place = row * call.n + column;
      call.output[place] = call.residual ? value + call.residual[place] : value;
    }
  });
}

}  // namespace splitmask::naive

NAIVE_KERNEL(packWeights, PackWeights)
NAIVE_KERNEL(gemmPacked, GemmPacked)
