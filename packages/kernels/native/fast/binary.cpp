// Binary kernels with broadcasting: rows of the merged axes, each a loop of vectors over a and b, one of which may be a single value.
#include "axes.h"
#include "loops.h"

namespace splitmask::SPLITMASK_SET {

namespace {

// One row of the output.
template <class Operation> void row(float* output, const float* a, int64 aStride, const float* b, int64 bStride, int64 count,
                                    const Operation& operation) {
  if (aStride == 1 && bStride == 1) {
    overVectors(0, count, [&](int64 i, auto part) { part.write(output + i, operation(part.read(a + i), part.read(b + i))); });
  } else if (aStride == 1 && bStride == 0) {
    const Vector value = broadcast(*b);
    overVectors(0, count, [&](int64 i, auto part) { part.write(output + i, operation(part.read(a + i), value)); });
  } else if (aStride == 0 && bStride == 1) {
    const Vector value = broadcast(*a);
    overVectors(0, count, [&](int64 i, auto part) { part.write(output + i, operation(value, part.read(b + i))); });
  } else {
    for (int64 i = 0; i < count; ++i) output[i] = operation(broadcast(a[i * aStride]), broadcast(b[i * bStride]))[0];
  }
}

template <class Operation> void map(const Call& call, const Operation& operation) {
  float* output = call.buffer<float>(0);
  const float* a = call.buffer<float>(1);
  const float* b = call.buffer<float>(2);
  const Axes<2> axes(call.numbers + 1);
  if (axes.size == 0) return;
  const int64 inner = axes.inner(), aStride = axes.innerStride(0), bStride = axes.innerStride(1);
  const int64 rows = axes.size / inner;
  if (rows > 1) {
    overRowGroups(call, rows, inner, [&](int64 begin, int64 end) {
      Axes<2>::Rows place(axes, begin);
      for (int64 r = begin; r < end; ++r, place.next())
        row(output + r * inner, a + place.offset[0], aStride, b + place.offset[1], bStride, inner, operation);
    });
  } else {
    overRanges(call, inner, [&](int64 begin, int64 end) {
      row(output + begin, a + begin * aStride, aStride, b + begin * bStride, bStride, end - begin, operation);
    });
  }
}

}  // namespace

void binary(const Call& call) {
  switch (call.integer(0)) {
    case 0: return map(call, [](Vector a, Vector b) { return a + b; });
    case 1: return map(call, [](Vector a, Vector b) { return a - b; });
    case 2: return map(call, [](Vector a, Vector b) { return a * b; });
    case 3: return map(call, [](Vector a, Vector b) { return a / b; });
    case 4: return map(call, [](Vector a, Vector b) { return select((a > b) | (a != a), a, b); });  // a NaN wins
    default: return map(call, [](Vector a, Vector b) { return select((a < b) | (a != a), a, b); });
  }
}

}  // namespace splitmask::SPLITMASK_SET
