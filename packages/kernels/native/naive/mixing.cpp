// mixup and CutMix of a batch, and the targets that belong to it. Plain loops, the measure of the fast version.
#include "naive.h"

namespace splitmask::naive {

template <class T> void mixImages(const Call& call) {
  T* output = call.buffer<T>(0);
  const T* input = call.buffer<const T>(1);
  const int64 channels = call.integer(0), height = call.integer(1), width = call.integer(2);
  for (int64 item = 0; item < call.eachCount; ++item) {
    const double* plan = call.eachNumbers + item * call.eachNumberStride;
    const int64 partner = static_cast<int64>(plan[0]), top = static_cast<int64>(plan[2]), left = static_cast<int64>(plan[3]);
    const int64 rows = static_cast<int64>(plan[4]), columns = static_cast<int64>(plan[5]);
    const T share = static_cast<T>(plan[1]), rest = static_cast<T>(1 - plan[1]);
    for (int64 channel = 0; channel < channels; ++channel)
      for (int64 y = 0; y < height; ++y)
        for (int64 x = 0; x < width; ++x) {
          const int64 place = (channel * height + y) * width + x;
          const T own = input[item * channels * height * width + place], other = input[partner * channels * height * width + place];
          const bool cut = y >= top && y < top + rows && x >= left && x < left + columns;
          output[item * channels * height * width + place] = rows > 0 ? (cut ? other : own) : share == 1 ? own : own * share + other * rest;
        }
  }
}

template <class T> void mixTargets(const Call& call) {
  T* output = call.buffer<T>(0);
  const int* labels = call.buffer<const int>(1);
  const int64 classes = call.integer(0);
  const double off = call.number(1) / static_cast<double>(classes), on = 1 - call.number(1) + off;
  for (int64 item = 0; item < call.eachCount; ++item) {
    if (labels[item] < 0 || labels[item] >= classes)
      return call.fail(call, "label {given} is out of range: there are {expected} classes", labels[item], static_cast<double>(classes));
  }
  for (int64 item = 0; item < call.eachCount; ++item) {
    const double* plan = call.eachNumbers + item * call.eachNumberStride;
    const int own = labels[item], other = labels[static_cast<int64>(plan[0])];
    for (int64 column = 0; column < classes; ++column)
      output[item * classes + column] =
          static_cast<T>((column == own ? on : off) * plan[1] + (column == other ? on : off) * (1 - plan[1]));
  }
}

}  // namespace splitmask::naive

NAIVE_KERNEL(mixImages)
NAIVE_KERNEL(mixTargets)
