// What both versions of the operations on pictures must agree on to the bit; the codes are in src/kernels/codes.ts.
// Pixels have 8 bits between operations, as Pillow's. Everything is whole numbers, or fractions of so few bits that
// float32 holds every sum exactly: so no instruction set, no fused multiply-add and no order of a sum changes a byte.
#pragma once
#include "generated/codes.h"

namespace splitmask::SPLITMASK_SET {

// A row of the operations buffer: the code, then the operation's numbers (float64).
inline PictureOperation operationOf(const double* row) {
  return static_cast<PictureOperation>(static_cast<int64>(row[0]));
}

// Factors of blends in 1/2¹⁴, so that factor · (a − b) + b is exact.
constexpr float blendUnit = 16384.0f;
inline int blendFactor(double factor) {
  const double scaled = factor * 16384.0;
  const double limited = scaled < -262144.0  ? -262144.0
                         : scaled > 262144.0 ? 262144.0
                                             : scaled;  // ±16: beyond, every pixel is clipped
  return static_cast<int>(limited < 0 ? limited - 0.5 : limited + 0.5);
}

// Positions of geometric operations in 1/2²⁰ pixels, weights between pixels in 1/2¹¹.
constexpr int positionBits = 20, weightBits = 11;
inline int64 positionOf(double value) { return static_cast<int64>(value * 1048576.0 + (value < 0 ? -0.5 : 0.5)); }

// The four weights of Pillow's bicubic transform (Keys, a = −1) at `at` / 2¹¹ behind the second pixel; they sum to 2¹¹.
inline void bicubicWeights(int64 at, int64 (&weights)[4]) {
  const int64 one = int64{1} << weightBits, square = at * at, cube = square * at,
              half = int64{1} << (2 * weightBits - 1);
  weights[0] = (-at * one * one + 2 * square * one - cube + half) >> (2 * weightBits);
  weights[2] = (at * one * one + square * one - cube + half) >> (2 * weightBits);
  weights[3] = (-square * one + cube + half) >> (2 * weightBits);
  weights[1] = one - weights[0] - weights[2] - weights[3];
}

// A Gaussian cut to `taps` places (odd), in whole numbers that sum to 2^bits; what rounding leaves goes to the middle.
inline void blurWeights(int64 taps, double sigma, int bits, float* weights) {
  const double total = static_cast<double>(1 << bits);
  double sum = 0;
  for (int64 tap = 0; tap < taps; ++tap) {
    const double x = (static_cast<double>(tap) - static_cast<double>(taps / 2)) / sigma;
    sum += __builtin_exp(-0.5 * x * x);
  }
  int64 left = int64{1} << bits;
  for (int64 tap = 0; tap < taps; ++tap) {
    const double x = (static_cast<double>(tap) - static_cast<double>(taps / 2)) / sigma;
    const int64 weight = static_cast<int64>(__builtin_exp(-0.5 * x * x) * total / sum + 0.5);
    weights[tap] = static_cast<float>(weight);
    left -= weight;
  }
  weights[taps / 2] += static_cast<float>(left);
}

// A vertical and a horizontal pass: 8 bits times 2¹⁶, rounded to 1/16, times 2¹², rounded to 8 bits: every sum stays
// within 24 bits.
constexpr int firstBlurBits = 16, betweenBlurBits = 4, secondBlurBits = 12;

// The place that a filter reads beyond a border: reflected without repeating the border.
inline int64 reflected(int64 place, int64 size) {
  if (size == 1) return 0;
  const int64 period = 2 * (size - 1);
  place %= period;
  if (place < 0) place += period;
  return place < size ? place : period - place;
}

// Luma as Pillow's mode L, of red, green and blue.
inline int lumaOf(int red, int green, int blue) { return (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16; }

// What an operation needs of the picture; null if it may run. The numbers in the text are the code and `expected`.
struct OperationProblem {
  const char* text;
  double expected;
};
inline OperationProblem operationProblem(const double* row, int64 channels) {
  const PictureOperation operation = operationOf(row);
  if (!(row[0] >= 0 && row[0] < countOfPictureOperation))
    return {"operation {given} is unknown: there are {expected}", static_cast<double>(countOfPictureOperation)};
  const bool color = operation == PictureOperation::saturation || operation == PictureOperation::hue ||
                     operation == PictureOperation::grayscale;
  if (color && channels != 1 && channels != 3)
    return {"operation {given} works on 1 or 3 channels, not on {expected}", static_cast<double>(channels)};
  return {nullptr, 0};
}

}  // namespace splitmask::SPLITMASK_SET
