// Pictures: crop, resize, flip and normalize; mixup and CutMix; channel statistics; interpolation matrices. Plain
// loops, the measure of the fast versions.
#include <algorithm>
#include <cmath>
#include <vector>

#include "../generated/pictures.h"
#include "naive.h"
#include "pictureOperations.h"

namespace splitmask::naive {

namespace {

// Keys' cubic convolution kernel; a = −0.5 in Pillow and in antialiased torch, −0.75 in torch without antialiasing.
double cubic(double x, double a) {
  x = std::fabs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return 0;
}

double triangle(double x) {
  x = std::fabs(x);
  return x < 1 ? 1 - x : 0;
}

// What one output place reads: weights[i] belongs to input place start + i; they sum to 1.
struct Taps {
  int64 start;
  std::vector<double> weights;
};

// Antialiased taps of one axis: [from, from + extent) of places low … high−1 resized to `outputSize`; the filter widens
// with the scale.
std::vector<Taps> antialiasedTaps(int64 low, int64 high, double from, double extent, int64 outputSize,
                                  PictureFilter filter) {
  const double scale = extent / static_cast<double>(outputSize);
  const double stretch = std::max(scale, 1.0);
  const double support = (filter == PictureFilter::bilinear ? 1.0 : 2.0) * stretch;
  std::vector<Taps> table(static_cast<size_t>(outputSize));
  for (int64 output = 0; output < outputSize; ++output) {
    const double center = from + (static_cast<double>(output) + 0.5) * scale;
    int64 first = std::max<int64>(low, static_cast<int64>(center - support + 0.5));
    int64 end = std::min<int64>(high, static_cast<int64>(center + support + 0.5));
    first = std::min(first, high - 1);
    end = std::max(end, first + 1);
    Taps& taps = table[static_cast<size_t>(output)];
    taps.start = first;
    double sum = 0;
    for (int64 place = first; place < end; ++place) {
      const double x = (static_cast<double>(place) - center + 0.5) / stretch;
      const double weight = filter == PictureFilter::bilinear ? triangle(x) : cubic(x, -0.5);
      taps.weights.push_back(weight);
      sum += weight;
    }
    for (double& weight : taps.weights)
      weight = sum != 0 ? weight / sum : 1.0 / static_cast<double>(taps.weights.size());
  }
  return table;
}

// Pillow clips to 8 bits after each of its passes; we keep the fraction and clip the range only.
double clip(double value) { return std::min(255.0, std::max(0.0, value)); }

}  // namespace

template <class T> void augmentImages(const AugmentImages<T>& call) {
  const int64 area = call.outputHeight * call.outputWidth;
  const double* deviation = call.normalization + call.channels;
  if (area <= 0 || call.channels <= 0) return;
  for (int64 row = 0; row < call.operationRows; ++row) {
    const double* operation = call.operations + row * pictureOperationNumbers;
    const OperationProblem problem = operationProblem(operation, call.channels);
    if (problem.text != nullptr) return call.fail(call, problem.text, operation[0], problem.expected);
  }
  for (int64 index = 0; index < call.eachCount; ++index) {
    const auto item = call.each(index);
    const auto tapsOf = [&](int64 size, double from, double extent, int64 outputSize) {
      const int64 low = item.confined ? std::min(size - 1, std::max<int64>(0, static_cast<int64>(from))) : 0;
      const int64 high =
          item.confined ? std::min(size, std::max(low + 1, static_cast<int64>(from + extent + 0.5))) : size;
      return antialiasedTaps(low, high, from, extent, outputSize, item.filter);
    };
    const auto rows = tapsOf(item.height, item.cropY, item.cropHeight, call.outputHeight);
    const auto columns = tapsOf(item.width, item.cropX, item.cropWidth, call.outputWidth);
    std::vector<double> narrowed(static_cast<size_t>(item.height * call.outputWidth * call.channels));
    for (int64 y = 0; y < item.height; ++y) {
      for (int64 x = 0; x < call.outputWidth; ++x) {
        const Taps& taps = columns[static_cast<size_t>(x)];
        for (int64 channel = 0; channel < call.channels; ++channel) {
          double sum = 0;
          for (size_t tap = 0; tap < taps.weights.size(); ++tap)
            sum += taps.weights[tap] *
                   item.picture[(y * item.width + taps.start + static_cast<int64>(tap)) * call.channels + channel];
          narrowed[static_cast<size_t>((y * call.outputWidth + x) * call.channels + channel)] = clip(sum);
        }
      }
    }
    std::vector<double> resized(static_cast<size_t>(area * call.channels));
    for (int64 y = 0; y < call.outputHeight; ++y) {
      const Taps& taps = rows[static_cast<size_t>(y)];
      for (int64 x = 0; x < call.outputWidth; ++x) {
        for (int64 channel = 0; channel < call.channels; ++channel) {
          double sum = 0;
          for (size_t tap = 0; tap < taps.weights.size(); ++tap)
            sum += taps.weights[tap] *
                   narrowed[static_cast<size_t>(
                       ((taps.start + static_cast<int64>(tap)) * call.outputWidth + x) * call.channels + channel)];
          const int64 toY = item.verticalFlip ? call.outputHeight - 1 - y : y,
                      toX = item.horizontalFlip ? call.outputWidth - 1 - x : x;
          resized[static_cast<size_t>((toY * call.outputWidth + toX) * call.channels + channel)] = clip(sum);
        }
      }
    }
    const double* operations = call.operations + item.firstOperation * pictureOperationNumbers;
    if (item.operations > 0) {
      Picture picture{call.outputHeight, call.outputWidth, call.channels, std::vector<unsigned char>(resized.size())};
      std::transform(resized.begin(), resized.end(), picture.pixels.begin(),
                     [](double value) { return static_cast<unsigned char>(value + 0.5); });
      for (int64 operation = 0; operation < item.operations; ++operation)
        applyOperation(picture, operations + operation * pictureOperationNumbers);
      std::copy(picture.pixels.begin(), picture.pixels.end(), resized.begin());
    }
    T* sample = call.output + index * call.channels * area;
    for (int64 channel = 0; channel < call.channels; ++channel)
      for (int64 place = 0; place < area; ++place)
        sample[channel * area + place] = static_cast<T>(
            (resized[static_cast<size_t>(place * call.channels + channel)] / 255 - call.normalization[channel]) /
            deviation[channel]);
    for (int64 operation = 0; operation < item.operations; ++operation) {
      const double* row = operations + operation * pictureOperationNumbers;
      if (operationOf(row) == PictureOperation::erase)
        erase(sample, call.channels, call.outputHeight, call.outputWidth, row + 1);
    }
  }
}

template <class T> void channelMoments(const ChannelMoments<T>& call) {
  for (int64 index = 0; index < call.eachCount; ++index) {
    const auto item = call.each(index);
    const int64 pixels = item.height * item.width;
    for (int64 channel = 0; channel < call.channels; ++channel) {
      // Integers: exact in any order.
      int64 sum = 0, squares = 0;
      for (int64 pixel = 0; pixel < pixels; ++pixel) {
        const int64 value = item.picture[pixel * call.channels + channel];
        sum += value;
        squares += value * value;
      }
      call.output[channel] += static_cast<double>(sum) / 255;
      call.output[call.channels + channel] += static_cast<double>(squares) / (255.0 * 255.0);
    }
  }
}

template <class T> void interpolationMatrix(const InterpolationMatrix<T>& call) {
  std::fill(call.output, call.output + call.outputSize * call.inputSize, T(0));
  if (call.antialias) {
    const auto table = antialiasedTaps(0, call.inputSize, 0, static_cast<double>(call.inputSize), call.outputSize,
                                       PictureFilter::bicubic);
    for (int64 row = 0; row < call.outputSize; ++row) {
      const Taps& taps = table[static_cast<size_t>(row)];
      for (size_t tap = 0; tap < taps.weights.size(); ++tap)
        call.output[row * call.inputSize + taps.start + static_cast<int64>(tap)] = static_cast<T>(taps.weights[tap]);
    }
    return;
  }
  const double scale = static_cast<double>(call.inputSize) / static_cast<double>(call.outputSize);
  std::vector<double> weights(static_cast<size_t>(call.inputSize));
  for (int64 row = 0; row < call.outputSize; ++row) {
    const double source = (static_cast<double>(row) + 0.5) * scale - 0.5;
    const double base = std::floor(source);
    std::fill(weights.begin(), weights.end(), 0.0);
    for (int64 tap = -1; tap <= 2; ++tap) {
      // Places beyond the border repeat the border, as torch's do.
      const int64 place = std::min(call.inputSize - 1, std::max<int64>(0, static_cast<int64>(base) + tap));
      weights[static_cast<size_t>(place)] += cubic(source - base - static_cast<double>(tap), -0.75);
    }
    for (int64 place = 0; place < call.inputSize; ++place)
      call.output[row * call.inputSize + place] = static_cast<T>(weights[static_cast<size_t>(place)]);
  }
}

// mixup and CutMix of a batch, and the targets that belong to it. Plain loops, the measure of the fast version.

template <class T> void mixImages(const MixImages<T>& call) {
  const int64 values = call.channels * call.height * call.width;
  for (int64 index = 0; index < call.eachCount; ++index) {
    const auto item = call.each(index);
    const T share = static_cast<T>(item.lambda), rest = static_cast<T>(1 - item.lambda);
    for (int64 channel = 0; channel < call.channels; ++channel)
      for (int64 y = 0; y < call.height; ++y)
        for (int64 x = 0; x < call.width; ++x) {
          const int64 place = (channel * call.height + y) * call.width + x;
          const T own = call.input[index * values + place], other = call.input[item.partner * values + place];
          const bool cut = y >= item.top && y < item.top + item.rows && x >= item.left && x < item.left + item.columns;
          call.output[index * values + place] = item.rows > 0 ? (cut ? other : own)
                                                : share == 1  ? own
                                                              : own * share + other * rest;
        }
  }
}

template <class T> void mixTargets(const MixTargets<T>& call) {
  const double off = call.smoothing / static_cast<double>(call.classes), on = 1 - call.smoothing + off;
  for (int64 index = 0; index < call.eachCount; ++index) {
    const int label = call.labels[index];
    if (label < 0 || label >= call.classes)
      return call.fail(call, "label {given} is out of range: there are {expected} classes", label,
                       static_cast<double>(call.classes));
  }
  for (int64 index = 0; index < call.eachCount; ++index) {
    const auto item = call.each(index);
    const int own = call.labels[index], other = call.labels[item.partner];
    for (int64 column = 0; column < call.classes; ++column)
      call.output[index * call.classes + column] =
          static_cast<T>((column == own ? on : off) * item.lambda + (column == other ? on : off) * (1 - item.lambda));
  }
}

}  // namespace splitmask::naive

NAIVE_KERNEL(augmentImages, AugmentImages)
NAIVE_KERNEL(channelMoments, ChannelMoments)
NAIVE_KERNEL(interpolationMatrix, InterpolationMatrix)
NAIVE_KERNEL(mixImages, MixImages)
NAIVE_KERNEL(mixTargets, MixTargets)
