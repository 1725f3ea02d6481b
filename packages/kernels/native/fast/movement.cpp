#include "../call.h"
#include "../parallel.h"
#include "../vector.h"

namespace splitmask::SPLITMASK_SET {

void fill(const Call& call) {
  constexpr int64 block = 1 << 16;
  float* output = call.buffer<float>(0);
  const int64 size = call.integer(0);
  const Vector value = broadcast(static_cast<float>(call.number(1)));
  parallelFor(call, (size + block - 1) / block, [&](int64 task, int) {
    const int64 end = minimum(size, (task + 1) * block);
    int64 i = task * block;
    for (; i + lanes <= end; i += lanes) store(output + i, value);
    if (i < end) storePartial(output + i, value, static_cast<int>(end - i));
  });
}

void copyBytes(const Call& call) {
  constexpr int64 block = 1 << 18;
  char* output = call.buffer<char>(0);
  const char* input = call.buffer<char>(1);
  const int64 size = call.integer(0);
  parallelFor(call, (size + block - 1) / block, [&](int64 task, int) {
    const int64 start = task * block;
    __builtin_memcpy(output + start, input + start, static_cast<unsigned long>(minimum(block, size - start)));
  });
}

}  // namespace splitmask::SPLITMASK_SET
