// mixup and CutMix of a batch: one task a picture.
#include "../parallel.h"
#include "../vector.h"

namespace splitmask::SPLITMASK_SET {

void mixImages(const Call& call) {
  float* output = call.buffer<float>(0);
  const float* input = call.buffer<const float>(1);
  const int64 channels = call.integer(0), height = call.integer(1), width = call.integer(2), values = channels * height * width;
  parallelFor(call, call.eachCount, [&](int64 item, int) {
    const double* plan = call.eachNumbers + item * call.eachNumberStride;
    const int64 top = static_cast<int64>(plan[2]), left = static_cast<int64>(plan[3]);
    const int64 rows = static_cast<int64>(plan[4]), columns = static_cast<int64>(plan[5]);
    const float *own = input + item * values, *other = input + static_cast<int64>(plan[0]) * values;
    float* to = output + item * values;
    if (rows == 0 && plan[1] != 1) {
      const float share = static_cast<float>(plan[1]), rest = static_cast<float>(1 - plan[1]);
      for (int64 i = 0; i < values; ++i) to[i] = own[i] * share + other[i] * rest;
      return;
    }
    __builtin_memcpy(to, own, static_cast<unsigned long>(values) * sizeof(float));
    for (int64 channel = 0; channel < channels; ++channel)
      for (int64 y = top; y < top + rows; ++y) {
        const int64 place = (channel * height + y) * width + left;
        for (int64 x = 0; x < columns; ++x) to[place + x] = other[place + x];
      }
  });
}

}  // namespace splitmask::SPLITMASK_SET
