// Copies of strided blocks: slices, concatenation, and their gradients (accumulate).
#include "loops.h"

namespace splitmask::SPLITMASK_SET {

void copyBlocks(const Call& call) {
  float* output = call.buffer<float>(0) + call.integer(3);
  const float* input = call.buffer<float>(1) + call.integer(5);
  const int64 outer = call.integer(0), inner = call.integer(1);
  const int64 outputStride = call.integer(2), inputStride = call.integer(4);
  const bool accumulate = call.integer(6) != 0;
  const int64 pieces = (inner + taskElements - 1) / taskElements;  // of a block
  overRows(call, outer * pieces, minimum(inner, taskElements), [&](int64 item) {
    const int64 o = item / pieces, begin = (item % pieces) * taskElements, end = minimum(inner, begin + taskElements);
    float* to = output + o * outputStride;
    const float* from = input + o * inputStride;
    if (accumulate)
      overVectors(begin, end, [&](int64 i, auto part) { part.write(to + i, part.read(to + i) + part.read(from + i)); });
    else
      overVectors(begin, end, [&](int64 i, auto part) { part.write(to + i, part.read(from + i)); });
  });
}

}  // namespace splitmask::SPLITMASK_SET
