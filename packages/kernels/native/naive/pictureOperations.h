// The operations on one 8-bit picture H×W×C, interleaved. Plain loops, the measure of the fast versions.
#pragma once
#include <algorithm>
#include <array>
#include <vector>

#include "../normalQuantile.h"
#include "../philox.h"
#include "../pictureOperations.h"

namespace splitmask::naive {

struct Picture {
  int64 height, width, channels;
  std::vector<unsigned char> pixels;

  unsigned char& at(int64 y, int64 x, int64 channel) {
    return pixels[static_cast<size_t>((y * width + x) * channels + channel)];
  }
  int64 area() const { return height * width; }
};

using Table = std::array<unsigned char, 256>;

inline unsigned char byteOf(int64 value) {
  return static_cast<unsigned char>(std::min<int64>(255, std::max<int64>(0, value)));
}

// base + factor · (value − base), cut to a whole number and to 8 bits as Pillow's blend does.
inline unsigned char blend(int value, int base, int factor) {
  return byteOf((int64{base} * static_cast<int64>(blendUnit) + int64{factor} * (value - base)) >> 14);
}

inline int lumaAt(Picture& picture, int64 y, int64 x) {
  if (picture.channels != 3) return picture.at(y, x, 0);
  return lumaOf(picture.at(y, x, 0), picture.at(y, x, 1), picture.at(y, x, 2));
}

// Applies one table of 256 values to every value of a channel.
inline void lookUp(Picture& picture, int64 channel, const Table& table) {
  for (int64 pixel = 0; pixel < picture.area(); ++pixel) {
    unsigned char& value = picture.pixels[static_cast<size_t>(pixel * picture.channels + channel)];
    value = table[value];
  }
}

template <class Rule> void lookUpAll(Picture& picture, const Rule& rule) {
  Table table;
  for (int value = 0; value < 256; ++value) table[static_cast<size_t>(value)] = byteOf(rule(value));
  for (int64 channel = 0; channel < picture.channels; ++channel) lookUp(picture, channel, table);
}

inline std::array<int64, 256> histogramOf(Picture& picture, int64 channel) {
  std::array<int64, 256> counts{};
  for (int64 pixel = 0; pixel < picture.area(); ++pixel)
    ++counts[picture.pixels[static_cast<size_t>(pixel * picture.channels + channel)]];
  return counts;
}

// The mean of a picture that is not RGB is that of all its channels.
inline int meanLuma(Picture& picture) {
  int64 sum = 0, count = 0;
  if (picture.channels == 3) {
    for (int64 y = 0; y < picture.height; ++y)
      for (int64 x = 0; x < picture.width; ++x) sum += lumaAt(picture, y, x);
    count = picture.area();
  } else {
    for (const unsigned char value : picture.pixels) sum += value;
    count = static_cast<int64>(picture.pixels.size());
  }
  return static_cast<int>((2 * sum + count) / (2 * count));
}

// Pillow's 8-bit HSV: to it, a turn of the hue, and back.
inline void turnHue(unsigned char (&pixel)[3], int turn) {
  const int red = pixel[0], green = pixel[1], blue = pixel[2];
  const int most = std::max({red, green, blue}), least = std::min({red, green, blue});
  if (most == least) return;
  const float range = static_cast<float>(most - least);
  const float r = static_cast<float>(most - red) / range, g = static_cast<float>(most - green) / range,
              b = static_cast<float>(most - blue) / range;
  const float sextant = red == most     ? b - g
                        : green == most ? static_cast<float>(2.0 + r - b)
                                        : static_cast<float>(4.0 + g - r);
  const float hueShare = static_cast<float>(std::fmod(sextant / 6.0 + 1.0, 1.0));
  const int hue = (static_cast<int>(hueShare * 255.0) + turn) & 255;
  const int saturation = static_cast<int>(range / static_cast<float>(most) * 255.0);
  // value · (1 − saturation/255 · share), rounded, in whole numbers.
  const auto mixed = [&](int64 share) {
    return static_cast<unsigned char>((2 * most * (65025 - saturation * share) + 65025) / 130050);
  };
  const int sector = hue * 6 / 255, within = hue * 6 - sector * 255;
  const unsigned char v = static_cast<unsigned char>(most), p = mixed(255), q = mixed(within), t = mixed(255 - within);
  const unsigned char sectors[6][3] = {{v, t, p}, {q, v, p}, {p, v, t}, {p, q, v}, {t, p, v}, {v, p, q}};
  std::copy_n(sectors[sector % 6], 3, pixel);
}

inline void autoContrast(Picture& picture) {
  for (int64 channel = 0; channel < picture.channels; ++channel) {
    const auto counts = histogramOf(picture, channel);
    int low = 0, high = 255;
    while (low < 255 && counts[static_cast<size_t>(low)] == 0) ++low;
    while (high > 0 && counts[static_cast<size_t>(high)] == 0) --high;
    if (high <= low) continue;
    Table table;
    for (int value = 0; value < 256; ++value)
      table[static_cast<size_t>(value)] = byteOf((value - low) * 255 / (high - low));
    lookUp(picture, channel, table);
  }
}

inline void equalize(Picture& picture) {
  for (int64 channel = 0; channel < picture.channels; ++channel) {
    const auto counts = histogramOf(picture, channel);
    int64 last = 0;
    for (const int64 count : counts) last = count != 0 ? count : last;
    const int64 step = (picture.area() - last) / 255;
    if (step == 0) continue;
    Table table;
    int64 sum = step / 2;
    for (size_t value = 0; value < 256; ++value) {
      table[value] = byteOf(sum / step);
      sum += counts[value];
    }
    lookUp(picture, channel, table);
  }
}

// Blends with Pillow's smoothed picture: weights 1 around 5, over 13; the border stays.
inline void sharpen(Picture& picture, int factor) {
  Picture before = picture;
  for (int64 y = 0; y < picture.height; ++y)
    for (int64 x = 0; x < picture.width; ++x)
      for (int64 channel = 0; channel < picture.channels; ++channel) {
        const int value = before.at(y, x, channel);
        int smooth = value;
        if (y > 0 && y < picture.height - 1 && x > 0 && x < picture.width - 1) {
          int sum = 4 * value;
          for (int64 dy = -1; dy <= 1; ++dy)
            for (int64 dx = -1; dx <= 1; ++dx) sum += before.at(y + dy, x + dx, channel);
          smooth = (2 * sum + 13) / 26;
        }
        picture.at(y, x, channel) = blend(value, smooth, factor);
      }
}

inline void gaussianBlur(Picture& picture, int64 taps, double sigma) {
  std::vector<float> first(static_cast<size_t>(taps)), second(static_cast<size_t>(taps));
  blurWeights(taps, sigma, firstBlurBits, first.data());
  blurWeights(taps, sigma, secondBlurBits, second.data());
  Picture before = picture;
  std::vector<int64> between(picture.pixels.size());
  const auto place = [&](int64 y, int64 x, int64 channel) {
    return static_cast<size_t>((y * picture.width + x) * picture.channels + channel);
  };
  for (int64 y = 0; y < picture.height; ++y)
    for (int64 x = 0; x < picture.width; ++x)
      for (int64 channel = 0; channel < picture.channels; ++channel) {
        int64 sum = 0;
        for (int64 tap = 0; tap < taps; ++tap)
          sum += static_cast<int64>(first[static_cast<size_t>(tap)]) *
                 before.at(reflected(y + tap - taps / 2, picture.height), x, channel);
        between[place(y, x, channel)] = ((sum >> (firstBlurBits - betweenBlurBits - 1)) + 1) >> 1;
      }
  for (int64 y = 0; y < picture.height; ++y)
    for (int64 x = 0; x < picture.width; ++x)
      for (int64 channel = 0; channel < picture.channels; ++channel) {
        int64 sum = 0;
        for (int64 tap = 0; tap < taps; ++tap)
          sum += static_cast<int64>(second[static_cast<size_t>(tap)]) *
                 between[place(y, reflected(x + tap - taps / 2, picture.width), channel)];
        picture.at(y, x, channel) = byteOf(((sum >> (secondBlurBits + betweenBlurBits - 1)) + 1) >> 1);
      }
}

// Pillow's Image.transform(AFFINE): the output's pixel centers are mapped into the input; outside of it is `fill`.
inline void affine(Picture& picture, const double* numbers) {
  Picture before = picture;
  const auto filter = static_cast<PictureFilter>(static_cast<int64>(numbers[6]));
  const int64 given = static_cast<int64>(numbers[7]), one = int64{1} << positionBits;
  const auto fill = [&](int64 channel) {
    return given > 0 ? byteOf(static_cast<int64>(numbers[8 + std::min(channel, given - 1)])) : 0;
  };
  int64 matrix[6];
  for (int i = 0; i < 6; ++i) matrix[i] = positionOf(numbers[i]);
  const auto inside = [](int64 place, int64 size) { return std::min(size - 1, std::max<int64>(0, place)); };
  for (int64 y = 0; y < picture.height; ++y)
    for (int64 x = 0; x < picture.width; ++x) {
      // In 1/2²⁰ pixels from the picture's corner.
      const int64 atX = ((matrix[0] * (2 * x + 1) + matrix[1] * (2 * y + 1)) >> 1) + matrix[2];
      const int64 atY = ((matrix[3] * (2 * x + 1) + matrix[4] * (2 * y + 1)) >> 1) + matrix[5];
      const bool within = atX >= 0 && atX < picture.width * one && atY >= 0 && atY < picture.height * one;
      const int64 left = (atX - one / 2) >> positionBits, top = (atY - one / 2) >> positionBits;
      const int64 behindX = ((atX - one / 2) & (one - 1)) >> (positionBits - weightBits);
      const int64 behindY = ((atY - one / 2) & (one - 1)) >> (positionBits - weightBits);
      int64 columns[4] = {0, (1 << weightBits) - behindX, behindX, 0},
            rows[4] = {0, (1 << weightBits) - behindY, behindY, 0};
      if (filter == PictureFilter::bicubic) {
        bicubicWeights(behindX, columns);
        bicubicWeights(behindY, rows);
      }
      for (int64 channel = 0; channel < picture.channels; ++channel) {
        if (!within) {
          picture.at(y, x, channel) = static_cast<unsigned char>(fill(channel));
          continue;
        }
        if (filter == PictureFilter::nearest) {
          picture.at(y, x, channel) = before.at(atY >> positionBits, atX >> positionBits, channel);
          continue;
        }
        int64 sum = 0;
        for (int64 row = 0; row < 4; ++row)
          for (int64 column = 0; column < 4; ++column)
            sum += rows[row] * columns[column] *
                   before.at(inside(top + row - 1, picture.height), inside(left + column - 1, picture.width), channel);
        picture.at(y, x, channel) = byteOf(sum >> (2 * weightBits));
      }
    }
}

// One operation on the 8-bit picture.
inline void applyOperation(Picture& picture, const double* row) {
  const double* numbers = row + 1;
  const int factor = blendFactor(numbers[0]), whole = static_cast<int>(numbers[0]);
  switch (operationOf(row)) {
    case PictureOperation::brightness:
      return lookUpAll(picture, [&](int value) { return blend(value, 0, factor); });
    case PictureOperation::contrast: {
      const int mean = meanLuma(picture);
      return lookUpAll(picture, [&](int value) { return blend(value, mean, factor); });
    }
    case PictureOperation::saturation:
    case PictureOperation::grayscale:
      if (picture.channels != 3) return;
      for (int64 y = 0; y < picture.height; ++y)
        for (int64 x = 0; x < picture.width; ++x) {
          const int luma = lumaAt(picture, y, x);
          for (int64 channel = 0; channel < 3; ++channel)
            picture.at(y, x, channel) = operationOf(row) == PictureOperation::grayscale
                                            ? byteOf(luma)
                                            : blend(picture.at(y, x, channel), luma, factor);
        }
      return;
    case PictureOperation::hue:
      if (picture.channels != 3) return;
      for (int64 pixel = 0; pixel < picture.area(); ++pixel) {
        unsigned char color[3];
        std::copy_n(&picture.pixels[static_cast<size_t>(3 * pixel)], 3, color);
        turnHue(color, whole);
        std::copy_n(color, 3, &picture.pixels[static_cast<size_t>(3 * pixel)]);
      }
      return;
    case PictureOperation::solarize:
      return lookUpAll(picture, [&](int value) { return value < whole ? value : 255 - value; });
    case PictureOperation::solarizeAdd:
      return lookUpAll(picture,
                       [&](int value) { return value < static_cast<int>(numbers[1]) ? value + whole : value; });
    case PictureOperation::posterize:
      return lookUpAll(picture, [&](int value) { return value & ~((1 << (8 - whole)) - 1); });
    case PictureOperation::invert:
      return lookUpAll(picture, [](int value) { return 255 - value; });
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
template <class T> void erase(T* sample, int64 channels, int64 height, int64 width, const double* numbers) {
  const int64 top = static_cast<int64>(numbers[0]), left = static_cast<int64>(numbers[1]);
  const int64 rows = static_cast<int64>(numbers[2]), columns = static_cast<int64>(numbers[3]);
  const auto mode = static_cast<EraseMode>(static_cast<int64>(numbers[4]));
  const auto normal = [&](int64 element) {
    const PhiloxWords words = philox({{static_cast<uint32>(element / 4), 0, 0, 0}}, static_cast<uint32>(numbers[5]),
                                     static_cast<uint32>(numbers[6]));
    return static_cast<T>(normalQuantile((words.word[element % 4] + 0.5) * 0x1p-32));
  };
  for (int64 channel = 0; channel < channels; ++channel)
    for (int64 y = 0; y < rows; ++y)
      for (int64 x = 0; x < columns; ++x) {
        T& value = sample[(channel * height + top + y) * width + left + x];
        value = mode == EraseMode::zeros
                    ? T(0)
                    : normal(mode == EraseMode::numberPerChannel ? channel : (channel * rows + y) * columns + x);
      }
}

}  // namespace splitmask::naive
