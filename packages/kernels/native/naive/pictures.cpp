// Pictures: crop, resize, flip and normalise; channel statistics; interpolation matrices. Plain loops, the measure of the fast versions.
#include "naive.h"
#include "pictureOperations.h"

#include <algorithm>
#include <cmath>
#include <vector>

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

// Antialiased taps of one axis: [from, from + extent) of places low … high−1 resized to `outputSize`; the filter widens with the scale.
std::vector<Taps> antialiasedTaps(int64 low, int64 high, double from, double extent, int64 outputSize, int64 filter) {
  const double scale = extent / static_cast<double>(outputSize);
  const double stretch = std::max(scale, 1.0);
  const double support = (filter == 1 ? 1.0 : 2.0) * stretch;
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
      const double weight = filter == 1 ? triangle(x) : cubic(x, -0.5);
      taps.weights.push_back(weight);
      sum += weight;
    }
    for (double& weight : taps.weights) weight = sum != 0 ? weight / sum : 1.0 / static_cast<double>(taps.weights.size());
  }
  return table;
}

// Pillow clips to 8 bits after each of its passes; we keep the fraction and clip the range only.
double clip(double value) { return std::min(255.0, std::max(0.0, value)); }

}  // namespace

template <class T> void augmentImages(const Call& call) {
  T* output = call.buffer<T>(0);
  const double* mean = call.buffer<double>(1);
  const double* operationRows = call.buffer<double>(2);
  const int64 outputHeight = call.integer(0), outputWidth = call.integer(1), channels = call.integer(2);
  const int64 area = outputHeight * outputWidth;
  const double* deviation = mean + channels;
  if (area <= 0 || channels <= 0) return;
  for (int64 row = 0; row < call.integer(3); ++row) {
    const double code = operationRows[row * operationNumbers];
    if (const char* problem = operationProblem(static_cast<int64>(code), channels); problem != nullptr)
      return call.fail(call, problem, code, static_cast<int64>(code) >= operationCodes ? operationCodes : static_cast<double>(channels));
  }
  for (int64 item = 0; item < call.eachCount; ++item) {
    const auto* source = static_cast<const unsigned char*>(call.eachBuffers[item * call.eachBufferStride]);
    const double* plan = call.eachNumbers + item * call.eachNumberStride;
    const int64 height = static_cast<int64>(plan[0]), width = static_cast<int64>(plan[1]), filter = static_cast<int64>(plan[6]);
    const bool confined = plan[7] != 0, flipX = plan[8] != 0, flipY = plan[9] != 0;
    const int64 firstOperation = static_cast<int64>(plan[10]), operations = static_cast<int64>(plan[11]);
    const auto tapsOf = [&](int64 size, double from, double extent, int64 outputSize) {
      const int64 low = confined ? std::min(size - 1, std::max<int64>(0, static_cast<int64>(from))) : 0;
      const int64 high = confined ? std::min(size, std::max(low + 1, static_cast<int64>(from + extent + 0.5))) : size;
      return antialiasedTaps(low, high, from, extent, outputSize, filter);
    };
    const auto rows = tapsOf(height, plan[2], plan[4], outputHeight);
    const auto columns = tapsOf(width, plan[3], plan[5], outputWidth);
    std::vector<double> narrowed(static_cast<size_t>(height * outputWidth * channels));
    for (int64 y = 0; y < height; ++y) {
      for (int64 x = 0; x < outputWidth; ++x) {
        const Taps& taps = columns[static_cast<size_t>(x)];
        for (int64 channel = 0; channel < channels; ++channel) {
          double sum = 0;
          for (size_t tap = 0; tap < taps.weights.size(); ++tap)
            sum += taps.weights[tap] * source[(y * width + taps.start + static_cast<int64>(tap)) * channels + channel];
          narrowed[static_cast<size_t>((y * outputWidth + x) * channels + channel)] = clip(sum);
        }
      }
    }
    std::vector<double> resized(static_cast<size_t>(area * channels));
    for (int64 y = 0; y < outputHeight; ++y) {
      const Taps& taps = rows[static_cast<size_t>(y)];
      for (int64 x = 0; x < outputWidth; ++x) {
        for (int64 channel = 0; channel < channels; ++channel) {
          double sum = 0;
          for (size_t tap = 0; tap < taps.weights.size(); ++tap)
            sum += taps.weights[tap] * narrowed[static_cast<size_t>(((taps.start + static_cast<int64>(tap)) * outputWidth + x) * channels + channel)];
          const int64 toY = flipY ? outputHeight - 1 - y : y, toX = flipX ? outputWidth - 1 - x : x;
          resized[static_cast<size_t>((toY * outputWidth + toX) * channels + channel)] = clip(sum);
        }
      }
    }
    if (operations > 0) {
      Picture picture{outputHeight, outputWidth, channels, std::vector<unsigned char>(resized.size())};
      std::transform(resized.begin(), resized.end(), picture.pixels.begin(), [](double value) { return static_cast<unsigned char>(value + 0.5); });
      for (int64 operation = 0; operation < operations; ++operation)
        applyOperation(picture, operationRows + (firstOperation + operation) * operationNumbers);
      std::copy(picture.pixels.begin(), picture.pixels.end(), resized.begin());
    }
    T* sample = output + item * channels * area;
    for (int64 channel = 0; channel < channels; ++channel)
      for (int64 place = 0; place < area; ++place)
        sample[channel * area + place] =
            static_cast<T>((resized[static_cast<size_t>(place * channels + channel)] / 255 - mean[channel]) / deviation[channel]);
    for (int64 operation = 0; operation < operations; ++operation) {
      const double* row = operationRows + (firstOperation + operation) * operationNumbers;
      if (static_cast<int>(row[0]) == operationErase) erase(sample, channels, outputHeight, outputWidth, row + 1);
    }
  }
}

template <class T> void channelMoments(const Call& call) {
  double* output = call.buffer<double>(0);
  const int64 channels = call.integer(0);
  for (int64 item = 0; item < call.eachCount; ++item) {
    const auto* picture = static_cast<const unsigned char*>(call.eachBuffers[item * call.eachBufferStride]);
    const double* size = call.eachNumbers + item * call.eachNumberStride;
    const int64 pixels = static_cast<int64>(size[0]) * static_cast<int64>(size[1]);
    for (int64 channel = 0; channel < channels; ++channel) {
      // Integers: exact in any order.
      int64 sum = 0, squares = 0;
      for (int64 pixel = 0; pixel < pixels; ++pixel) {
        const int64 value = picture[pixel * channels + channel];
        sum += value;
        squares += value * value;
      }
      output[channel] += static_cast<double>(sum) / 255;
      output[channels + channel] += static_cast<double>(squares) / (255.0 * 255.0);
    }
  }
}

template <class T> void interpolationMatrix(const Call& call) {
  T* output = call.buffer<T>(0);
  const int64 outputSize = call.integer(0), inputSize = call.integer(1);
  const bool antialias = call.integer(2) != 0;
  std::fill(output, output + outputSize * inputSize, T(0));
  if (antialias) {
    const auto table = antialiasedTaps(0, inputSize, 0, static_cast<double>(inputSize), outputSize, 0);
    for (int64 row = 0; row < outputSize; ++row) {
      const Taps& taps = table[static_cast<size_t>(row)];
      for (size_t tap = 0; tap < taps.weights.size(); ++tap)
        output[row * inputSize + taps.start + static_cast<int64>(tap)] = static_cast<T>(taps.weights[tap]);
    }
    return;
  }
  const double scale = static_cast<double>(inputSize) / static_cast<double>(outputSize);
  std::vector<double> weights(static_cast<size_t>(inputSize));
  for (int64 row = 0; row < outputSize; ++row) {
    const double source = (static_cast<double>(row) + 0.5) * scale - 0.5;
    const double base = std::floor(source);
    std::fill(weights.begin(), weights.end(), 0.0);
    for (int64 tap = -1; tap <= 2; ++tap) {
      // Places beyond the border repeat the border, as torch's do.
      const int64 place = std::min(inputSize - 1, std::max<int64>(0, static_cast<int64>(base) + tap));
      weights[static_cast<size_t>(place)] += cubic(source - base - static_cast<double>(tap), -0.75);
    }
    for (int64 place = 0; place < inputSize; ++place) output[row * inputSize + place] = static_cast<T>(weights[static_cast<size_t>(place)]);
  }
}

}  // namespace splitmask::naive

NAIVE_KERNEL(augmentImages)
NAIVE_KERNEL(channelMoments)
NAIVE_KERNEL(interpolationMatrix)
