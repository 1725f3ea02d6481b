// The operations on one 8-bit picture whose channels lie in planes, C×H×W, so that loops over a plane are loops over
// vectors. No allocation: `other` is as large as the picture, `numbers` holds operationScratch floats. The loops are
// plain where the compiler makes vectors of them.
#pragma once
#include "../normalQuantile.h"
#include "../philox.h"
#include "../pictureOperations.h"
#include "../vector.h"

namespace splitmask::SPLITMASK_SET {

typedef unsigned char Byte;

struct Planes {
  int64 height, width, channels;
  Byte* pixels;
  Byte* other;  // what the result is written to where an operation looks at neighbors; then they change places
  float* numbers;

  int64 area() const { return height * width; }
  Byte* plane(int64 channel) const { return pixels + channel * area(); }
  void swap() {
    Byte* from = pixels;
    pixels = other;
    other = from;
  }
};

// Floats that operations on such a picture need: the blur a plane and a row with margins, geometry its table of
// weights.
inline int64 operationScratch(int64 height, int64 width) {
  return maximum(height * width + width + 2 * mostBlurTaps + 4 * lanes, int64{4} << weightBits);
}

SPLITMASK_INLINE Byte byteOf(int value) { return static_cast<Byte>(value < 0 ? 0 : value > 255 ? 255 : value); }
SPLITMASK_INLINE int blendOf(int value, int base, int factor) { return (base * 16384 + factor * (value - base)) >> 14; }

// ── one value at a time ──

inline void blendWith(Planes& picture, int base, int factor) {
  Byte* pixels = picture.pixels;
  const int64 count = picture.channels * picture.area();
  for (int64 i = 0; i < count; ++i) pixels[i] = byteOf(blendOf(pixels[i], base, factor));
}

inline void solarize(Planes& picture, int threshold) {
  Byte* pixels = picture.pixels;
  const int64 count = picture.channels * picture.area();
  for (int64 i = 0; i < count; ++i) pixels[i] = pixels[i] < threshold ? pixels[i] : static_cast<Byte>(255 - pixels[i]);
}

inline void solarizeAdd(Planes& picture, int added, int threshold) {
  Byte* pixels = picture.pixels;
  const int64 count = picture.channels * picture.area();
  for (int64 i = 0; i < count; ++i) pixels[i] = pixels[i] < threshold ? byteOf(pixels[i] + added) : pixels[i];
}

inline void maskBits(Planes& picture, Byte keep, Byte turn) {
  Byte* pixels = picture.pixels;
  const int64 count = picture.channels * picture.area();
  for (int64 i = 0; i < count; ++i) pixels[i] = static_cast<Byte>((pixels[i] & keep) ^ turn);
}

// ── a plane at a time ──

inline void histogramOf(const Byte* plane, int64 area, unsigned (&counts)[256]) {
  unsigned parts[4][256] = {};  // so that equal neighbors do not wait for each other
  int64 i = 0;
  for (; i + 4 <= area; i += 4)
    for (int part = 0; part < 4; ++part) ++parts[part][plane[i + part]];
  for (; i < area; ++i) ++parts[0][plane[i]];
  for (int value = 0; value < 256; ++value)
    counts[value] = parts[0][value] + parts[1][value] + parts[2][value] + parts[3][value];
}

inline void lookUp(Byte* plane, int64 area, const Byte (&table)[256]) {
  for (int64 i = 0; i < area; ++i) plane[i] = table[plane[i]];
}

inline void autoContrast(Planes& picture) {
  for (int64 channel = 0; channel < picture.channels; ++channel) {
    unsigned counts[256];
    histogramOf(picture.plane(channel), picture.area(), counts);
    int low = 0, high = 255;
    while (low < 255 && counts[low] == 0) ++low;
    while (high > 0 && counts[high] == 0) --high;
    if (high <= low) continue;
    Byte table[256];
    for (int value = 0; value < 256; ++value) table[value] = byteOf((value - low) * 255 / (high - low));
    lookUp(picture.plane(channel), picture.area(), table);
  }
}

inline void equalize(Planes& picture) {
  for (int64 channel = 0; channel < picture.channels; ++channel) {
    unsigned counts[256];
    histogramOf(picture.plane(channel), picture.area(), counts);
    int64 last = 0;
    for (const unsigned count : counts) last = count != 0 ? count : last;
    const int64 step = (picture.area() - last) / 255;
    if (step == 0) continue;
    Byte table[256];
    int64 sum = step / 2;
    for (int value = 0; value < 256; ++value) {
      const int64 level = sum / step;
      table[value] = static_cast<Byte>(level > 255 ? 255 : level);
      sum += counts[value];
    }
    lookUp(picture.plane(channel), picture.area(), table);
  }
}

// ── red, green and blue together ──

inline int meanLuma(const Planes& picture) {
  const int64 area = picture.area();
  int64 sum = 0, count = area;
  if (picture.channels == 3) {
    const Byte *red = picture.plane(0), *green = picture.plane(1), *blue = picture.plane(2);
    for (int64 from = 0; from < area; from += 4096) {
      const int64 end = minimum(area, from + 4096);
      int part = 0;
      for (int64 i = from; i < end; ++i) part += lumaOf(red[i], green[i], blue[i]);
      sum += part;
    }
  } else {
    count = area * picture.channels;
    for (int64 i = 0; i < count; ++i) sum += picture.pixels[i];
  }
  return static_cast<int>((2 * sum + count) / (2 * count));
}

inline void saturate(Planes& picture, int factor) {
  Byte *red = picture.plane(0), *green = picture.plane(1), *blue = picture.plane(2);
  const int64 area = picture.area();
  for (int64 i = 0; i < area; ++i) {
    const int luma = lumaOf(red[i], green[i], blue[i]);
    red[i] = byteOf(blendOf(red[i], luma, factor));
    green[i] = byteOf(blendOf(green[i], luma, factor));
    blue[i] = byteOf(blendOf(blue[i], luma, factor));
  }
}

inline void makeGray(Planes& picture) {
  Byte *red = picture.plane(0), *green = picture.plane(1), *blue = picture.plane(2);
  const int64 area = picture.area();
  for (int64 i = 0; i < area; ++i) red[i] = green[i] = blue[i] = static_cast<Byte>(lumaOf(red[i], green[i], blue[i]));
}

typedef double DoubleVector __attribute__((vector_size(lanes * 8)));

// share · 255, cut to a whole number as in double precision, where the product is exact.
SPLITMASK_INLINE IntVector levelOf(Vector share) {
  return __builtin_convertvector(__builtin_convertvector(share, DoubleVector) * 255.0, IntVector);
}

// (v · (1 − saturation/255 · share/255)), rounded: a whole number over 65025 that is never a half; the estimate is off
// by one at most.
SPLITMASK_INLINE IntVector mixedLevel(IntVector v, IntVector saturation, IntVector share) {
  const IntVector numerator = 2 * v * (65025 - saturation * share) + 65025;
  const IntVector estimate = toInt(toFloat(numerator) * (1.0f / 130050.0f)), rest = numerator - estimate * 130050;
  return estimate + (rest < 0) - (rest >= 130050);
}

// Pillow's 8-bit hue and saturation (single and double precision where it has them), a turn, and back in whole
// numbers.
SPLITMASK_INLINE void turnHueOf(IntVector& red, IntVector& green, IntVector& blue, int turn) {
  const IntVector r = red, g = green, b = blue;
  const IntVector redOrGreen = r > g ? r : g, lower = r < g ? r : g;
  const IntVector high = redOrGreen > b ? redOrGreen : b, low = lower < b ? lower : b;
  const IntVector isRed = r == high, isGreen = g == high, isGray = high == low;
  const IntVector range = isGray ? broadcast(1) : high - low;
  // The sextant is 0, 2 or 4 + (one distance − another) / range. One of the two is the range itself, so that a single
  // rounding gives Pillow's value.
  const IntVector base = isRed ? broadcast(0) : (isGreen ? broadcast(2) : broadcast(4));
  const IntVector plus = high - (isRed ? b : (isGreen ? r : g)), minus = high - (isRed ? g : (isGreen ? b : r));
  const IntVector whole = minus == range ? base - 1 : base + 1, part = minus == range ? plus : -minus;
  const Vector sextant = toFloat(whole) + toFloat(part) / toFloat(range);
  const DoubleVector sixth = __builtin_convertvector(sextant, DoubleVector) / 6.0 + 1.0;
  const Vector hueShare = __builtin_convertvector(sixth >= 1.0 ? sixth - 1.0 : sixth, Vector);
  const IntVector hue = (levelOf(hueShare) + turn) & 255;
  const IntVector saturation = levelOf(toFloat(high - low) / toFloat(high == 0 ? broadcast(1) : high));
  // Whole sixths of 255: the estimate is exact, because hue · 6 is whole and far from the next one.
  const IntVector sixths = hue * 6, sector = toInt((toFloat(sixths) + 0.5f) * (1.0f / 255.0f)),
                  within = sixths - sector * 255;
  const IntVector p = mixedLevel(high, saturation, broadcast(255)), q = mixedLevel(high, saturation, within),
                  t = mixedLevel(high, saturation, 255 - within);
  const IntVector zeroth = (sector == 0) | (sector == 6), first = sector == 1, second = sector == 2,
                  third = sector == 3, fourth = sector == 4, fifth = sector == 5;
  // Without color the saturation is 0, and p, q and t are the value itself.
  red = (zeroth | fifth) ? high : (first ? q : (fourth ? t : p));
  green = (first | second) ? high : (zeroth ? t : (third ? q : p));
  blue = (third | fourth) ? high : (second ? t : (fifth ? q : p));
}

inline void turnHue(Planes& picture, int turn) {
  constexpr int64 stage = 256;
  const int64 area = picture.area();
  for (int64 from = 0; from < area; from += stage) {
    const int64 count = minimum(stage, area - from);
    int values[3][stage] = {};
    for (int channel = 0; channel < 3; ++channel) {
      const Byte* pixels = picture.plane(channel) + from;
      for (int64 i = 0; i < count; ++i) values[channel][i] = pixels[i];
    }
    for (int64 i = 0; i < count; i += lanes) {
      IntVector red = load(values[0] + i), green = load(values[1] + i), blue = load(values[2] + i);
      turnHueOf(red, green, blue, turn);
      store(values[0] + i, red);
      store(values[1] + i, green);
      store(values[2] + i, blue);
    }
    for (int channel = 0; channel < 3; ++channel) {
      Byte* pixels = picture.plane(channel) + from;
      for (int64 i = 0; i < count; ++i) pixels[i] = static_cast<Byte>(values[channel][i]);
    }
  }
}

// ── neighbors ──

inline void sharpen(Planes& picture, int factor) {
  const int64 height = picture.height, width = picture.width;
  for (int64 channel = 0; channel < picture.channels; ++channel) {
    for (int64 y = 0; y < height; ++y) {
      const Byte* row = picture.plane(channel) + y * width;
      Byte* output = picture.other + channel * picture.area() + y * width;
      for (int64 x = 0; x < width; ++x) output[x] = row[x];  // a blend of the border with itself
      if (y == 0 || y == height - 1) continue;
      const Byte *above = row - width, *below = row + width;
      for (int64 x = 1; x < width - 1; ++x) {
        const int sum = above[x - 1] + above[x] + above[x + 1] + row[x - 1] + 5 * row[x] + row[x + 1] + below[x - 1] +
                        below[x] + below[x + 1];
        output[x] = byteOf(blendOf(row[x], (2 * sum + 13) / 26, factor));
      }
    }
  }
  picture.swap();
}

// One output vector group: Σ weight · row, all exact.
SPLITMASK_INLINE Vector weighted(const float* const* rows, const float* weights, int64 taps, int64 x) {
  Vector sum = {};
  for (int64 tap = 0; tap < taps; ++tap) sum = fma(broadcast(weights[tap]), load(rows[tap] + x), sum);
  return sum;
}

inline void gaussianBlur(Planes& picture, int64 taps, double sigma) {
  const int64 height = picture.height, width = picture.width, radius = taps / 2;
  float first[mostBlurTaps] = {}, second[mostBlurTaps] = {};
  const float* rows[mostBlurTaps];
  blurWeights(taps, sigma, firstBlurBits, first);
  blurWeights(taps, sigma, secondBlurBits, second);
  // Weights that rounded to 0 at both ends add nothing.
  int64 cut = 0;
  while (cut < radius && first[cut] == 0) ++cut;
  const int64 reach = radius - cut, kept = taps - 2 * cut;
  float* plane = picture.numbers;
  float* line =
      plane + height * width + lanes;  // radius places on both sides; vectors of the plane's last row reach into it
  for (int64 channel = 0; channel < picture.channels; ++channel) {
    Byte* pixels = picture.plane(channel);
    for (int64 i = 0; i < height * width; ++i) plane[i] = static_cast<float>(pixels[i]);
    for (int64 y = 0; y < height; ++y) {
      for (int64 tap = 0; tap < kept; ++tap) rows[tap] = plane + reflected(y + tap - reach, height) * width;
      float* middle = line + reach;
      const Vector unit = broadcast(1.0f / static_cast<float>(1 << (firstBlurBits - betweenBlurBits))),
                   half = broadcast(0.5f);
      int64 x = 0;
      for (; x + 4 * lanes <= width; x += 4 * lanes) {
        Vector sums[4] = {};
        for (int64 tap = 0; tap < kept; ++tap) {
          const Vector weight = broadcast(first[cut + tap]);
          for (int part = 0; part < 4; ++part) sums[part] = fma(weight, load(rows[tap] + x + part * lanes), sums[part]);
        }
        for (int part = 0; part < 4; ++part)
          store(middle + x + part * lanes, toFloat(toInt(fma(sums[part], unit, half))));
      }
      // The last places of a line: what a vector reads beyond the row is not used.
      for (; x < width; x += lanes)
        storePartial(middle + x, toFloat(toInt(fma(weighted(rows, first + cut, kept, x), unit, half))),
                     static_cast<int>(minimum(lanes, width - x)));
      for (int64 place = 1; place <= reach; ++place) {
        middle[-place] = middle[reflected(-place, width)];
        middle[width - 1 + place] = middle[reflected(width - 1 + place, width)];
      }
      const Vector unitBehind = broadcast(1.0f / static_cast<float>(1 << (secondBlurBits + betweenBlurBits)));
      for (x = 0; x < width; x += lanes) {
        Vector sum = {};
        for (int64 tap = 0; tap < kept; ++tap) sum = fma(broadcast(second[cut + tap]), load(line + x + tap), sum);
        int values[lanes];
        store(values, toInt(fma(sum, unitBehind, half)));
        const int count = static_cast<int>(minimum(lanes, width - x));
        for (int lane = 0; lane < count; ++lane) pixels[y * width + x + lane] = static_cast<Byte>(values[lane]);
      }
    }
  }
}

// ── geometry ──

inline int64 nearestInside(int64 place, int64 size) { return place < 0 ? 0 : place >= size ? size - 1 : place; }

// Σ of four pixels times weights; the sums of two such passes fit in 32 bits.
SPLITMASK_INLINE int fourOf(const Byte* pixels, const int (&places)[4], const int* weights) {
  return weights[0] * pixels[places[0]] + weights[1] * pixels[places[1]] + weights[2] * pixels[places[2]] +
         weights[3] * pixels[places[3]];
}

inline void affine(Planes& picture, const double* numbers) {
  const int64 height = picture.height, width = picture.width, area = picture.area(), channels = picture.channels,
              one = int64{1} << positionBits;
  const auto filter = static_cast<PictureFilter>(static_cast<int64>(numbers[6]));
  const int unit = 1 << weightBits;
  const int64 given = static_cast<int64>(numbers[7]);
  int64 matrix[6];
  for (int i = 0; i < 6; ++i) matrix[i] = positionOf(numbers[i]);
  int* cubic = reinterpret_cast<int*>(picture.numbers);  // four weights for each place between two pixels
  for (int at = 0; filter == PictureFilter::bicubic && at < unit; ++at) {
    int64 weights[4];
    bicubicWeights(at, weights);
    for (int tap = 0; tap < 4; ++tap) cubic[4 * at + tap] = static_cast<int>(weights[tap]);
  }
  const Byte* source = picture.pixels;
  for (int64 y = 0; y < height; ++y) {
    for (int64 x = 0; x < width; ++x) {
      const int64 atX = ((matrix[0] * (2 * x + 1) + matrix[1] * (2 * y + 1)) >> 1) + matrix[2];
      const int64 atY = ((matrix[3] * (2 * x + 1) + matrix[4] * (2 * y + 1)) >> 1) + matrix[5];
      Byte* output = picture.other + y * width + x;
      if (atX < 0 || atX >= width * one || atY < 0 || atY >= height * one) {
        for (int64 channel = 0; channel < channels; ++channel)
          output[channel * area] = given > 0 ? byteOf(static_cast<int>(numbers[8 + minimum(channel, given - 1)])) : 0;
        continue;
      }
      if (filter == PictureFilter::nearest) {
        const Byte* from = source + (atY >> positionBits) * width + (atX >> positionBits);
        for (int64 channel = 0; channel < channels; ++channel) output[channel * area] = from[channel * area];
        continue;
      }
      const int64 left = (atX - one / 2) >> positionBits, top = (atY - one / 2) >> positionBits;
      const int behindX = static_cast<int>(((atX - one / 2) & (one - 1)) >> (positionBits - weightBits));
      const int behindY = static_cast<int>(((atY - one / 2) & (one - 1)) >> (positionBits - weightBits));
      int columns[4], rows[4];
      for (int tap = 0; tap < 4; ++tap) {
        columns[tap] = static_cast<int>(nearestInside(left + tap - 1, width));
        rows[tap] = static_cast<int>(nearestInside(top + tap - 1, height) * width);
      }
      const int *weightsX = cubic + 4 * behindX, *weightsY = cubic + 4 * behindY;
      for (int64 channel = 0; channel < channels; ++channel) {
        const Byte* pixels = source + channel * area;
        int sum;
        if (filter == PictureFilter::bilinear) {
          const int above = pixels[rows[1] + columns[1]] * (unit - behindX) + pixels[rows[1] + columns[2]] * behindX;
          const int below = pixels[rows[2] + columns[1]] * (unit - behindX) + pixels[rows[2] + columns[2]] * behindX;
          sum = above * (unit - behindY) + below * behindY;
        } else if (behindY == 0) {  // shears and shifts along one axis fall on whole rows or columns
          sum = fourOf(pixels + rows[1], columns, weightsX) << weightBits;
        } else if (behindX == 0) {
          sum = fourOf(pixels + columns[1], rows, weightsY) << weightBits;
        } else {
          sum = 0;
          for (int row = 0; row < 4; ++row) sum += weightsY[row] * fourOf(pixels + rows[row], columns, weightsX);
        }
        output[channel * area] = byteOf(sum >> (2 * weightBits));
      }
    }
  }
  picture.swap();
}

// One operation on the 8-bit picture.
inline void applyOperation(Planes& picture, const double* row) {
  const double* numbers = row + 1;
  const int factor = blendFactor(numbers[0]), whole = static_cast<int>(numbers[0]);
  switch (operationOf(row)) {
    case PictureOperation::brightness:
      return blendWith(picture, 0, factor);
    case PictureOperation::contrast:
      return blendWith(picture, meanLuma(picture), factor);
    case PictureOperation::saturation:
      return picture.channels == 3 ? saturate(picture, factor) : void();
    case PictureOperation::hue:
      return picture.channels == 3 ? turnHue(picture, whole) : void();
    case PictureOperation::grayscale:
      return picture.channels == 3 ? makeGray(picture) : void();
    case PictureOperation::solarize:
      return solarize(picture, whole);
    case PictureOperation::solarizeAdd:
      return solarizeAdd(picture, whole, static_cast<int>(numbers[1]));
    case PictureOperation::posterize:
      return maskBits(picture, static_cast<Byte>(~((1 << (8 - whole)) - 1)), 0);
    case PictureOperation::invert:
      return maskBits(picture, 255, 255);
    case PictureOperation::autoContrast:
      return autoContrast(picture);
    case PictureOperation::equalize:
      return equalize(picture);
    case PictureOperation::sharpness:
      return sharpen(picture, factor);
    case PictureOperation::gaussianBlur:
      return gaussianBlur(picture, whole, numbers[1]);
    case PictureOperation::affine:
      return affine(picture, numbers);
    default:
      return;  // erases come after normalization
  }
}

// Erases a box of the normalized picture C×H×W.
inline void erase(float* sample, int64 channels, int64 height, int64 width, const double* numbers) {
  const int64 top = static_cast<int64>(numbers[0]), left = static_cast<int64>(numbers[1]);
  const int64 rows = static_cast<int64>(numbers[2]), columns = static_cast<int64>(numbers[3]);
  const auto mode = static_cast<EraseMode>(static_cast<int64>(numbers[4]));
  const uint32 key0 = static_cast<uint32>(numbers[5]), key1 = static_cast<uint32>(numbers[6]);
  PhiloxWords words{};
  int64 counter = -1;
  const auto normal = [&](int64 element) {
    if (element / 4 != counter) {
      counter = element / 4;
      words = philox({{static_cast<uint32>(counter), 0, 0, 0}}, key0, key1);
    }
    return static_cast<float>(normalQuantile((words.word[element % 4] + 0.5) * 0x1p-32));
  };
  for (int64 channel = 0; channel < channels; ++channel) {
    const float color = mode == EraseMode::numberPerChannel ? normal(channel) : 0.0f;
    for (int64 y = 0; y < rows; ++y) {
      float* output = sample + (channel * height + top + y) * width + left;
      for (int64 x = 0; x < columns; ++x)
        output[x] = mode == EraseMode::numberPerValue ? normal((channel * rows + y) * columns + x) : color;
    }
  }
}

}  // namespace splitmask::SPLITMASK_SET
