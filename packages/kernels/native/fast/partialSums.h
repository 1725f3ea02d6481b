// Sums over rows, whatever the thread count: rows are cut in chunks by size, each chunk has its own row of partial
// sums, and these are added in order.
#pragma once
#include "loops.h"

namespace splitmask::SPLITMASK_SET {

// At most 64 chunks of at least 16 rows and about taskElements elements.
struct RowChunks {
  int64 rows, rowsPerChunk, count;

  RowChunks(int64 rowCount, int64 columns) : rows(rowCount) {
    const int64 bySize = taskElements / maximum(int64{1}, columns), byCount = (rows + 63) / 64;
    rowsPerChunk = maximum(int64{16}, maximum(bySize, byCount));
    count = (rows + rowsPerChunk - 1) / rowsPerChunk;
  }
  int64 begin(int64 chunk) const { return chunk * rowsPerChunk; }
  int64 end(int64 chunk) const { return minimum(rows, (chunk + 1) * rowsPerChunk); }
};

// Memory for `size` partial sums, shared by the threads of the call; the tasks must not ask for scratch memory of their
// own.
inline float* partialSums(const Call& call, int64 size) {
  return static_cast<float*>(call.scratch(call, 0, maximum(int64{1}, size) * static_cast<int64>(sizeof(float))));
}

// output[c] = Σ partials[chunk·stride + c] in the order of the chunks.
inline void addPartialSums(float* output, const float* partials, int64 count, int64 stride, int64 columns) {
  overVectors(0, columns, [&](int64 c, auto part) {
    Vector sum = zero();
    for (int64 chunk = 0; chunk < count; ++chunk) sum += part.read(partials + chunk * stride + c);
    part.write(output + c, sum);
  });
}

}  // namespace splitmask::SPLITMASK_SET
