// Sums, maxima and minima in an order that depends on the sizes only.
#include "loops.h"
#include "partialSums.h"

namespace splitmask::SPLITMASK_SET {

namespace {

struct Sum {
  static float start() { return 0; }
  static inline __attribute__((always_inline)) Vector combine(Vector a, Vector b) { return a + b; }
  static float combine(float a, float b) { return a + b; }
};
// With Sign −1: the minimum. NaN wins.
template <int Sign> struct Extreme {
  static float start() { return -Sign * __builtin_inff(); }
  static inline __attribute__((always_inline)) Vector combine(Vector a, Vector b) { return select((Sign > 0 ? a > b : a < b) | (a != a), a, b); }
  static float combine(float a, float b) { return (Sign > 0 ? a > b : a < b) || a != a ? a : b; }
};

// Of values[0 … count).
template <class Reduction> float reduceRun(const float* values, int64 count) {
  const float start = Reduction::start();
  Vector result0 = broadcast(start), result1 = result0, result2 = result0, result3 = result0;
  int64 i = 0;
  for (; i + 4 * lanes <= count; i += 4 * lanes) {
    result0 = Reduction::combine(load(values + i), result0);
    result1 = Reduction::combine(load(values + i + lanes), result1);
    result2 = Reduction::combine(load(values + i + 2 * lanes), result2);
    result3 = Reduction::combine(load(values + i + 3 * lanes), result3);
  }
  overVectors(i, count, [&](int64 j, auto part) { result0 = Reduction::combine(part.read(values + j, start), result0); });
  return reduceLanes(Reduction::combine(Reduction::combine(result0, result1), Reduction::combine(result2, result3)),
                     [](float a, float b) { return Reduction::combine(a, b); });
}

// result[i] = the reduction over r < count of rows[r·inner + i]; four rows at a time.
template <class Reduction> void reduceColumns(float* result, const float* rows, int64 count, int64 inner) {
  overVectors(0, inner, [&](int64 i, auto part) { part.write(result + i, broadcast(Reduction::start())); });
  int64 r = 0;
  for (; r + 4 <= count; r += 4) {
    const float* row = rows + r * inner;
    overVectors(0, inner, [&](int64 i, auto part) {
      const Vector pair0 = Reduction::combine(part.read(row + i), part.read(row + inner + i));
      const Vector pair1 = Reduction::combine(part.read(row + 2 * inner + i), part.read(row + 3 * inner + i));
      part.write(result + i, Reduction::combine(Reduction::combine(pair0, pair1), part.read(result + i)));
    });
  }
  for (; r < count; ++r)
    overVectors(0, inner, [&](int64 i, auto part) {
      part.write(result + i, Reduction::combine(part.read(rows + r * inner + i), part.read(result + i)));
    });
}

// `reduced` is cut in chunks; each (outer, chunk) gives a row of `inner` partial results, which are then combined in order.
template <class Reduction> void reduceWith(const Call& call) {
  float* output = call.buffer<float>(0);
  const float* input = call.buffer<float>(1);
  const int64 outer = call.integer(1), reduced = call.integer(2), inner = call.integer(3);
  const float scale = static_cast<float>(call.number(4));
  const bool accumulate = call.integer(5) != 0;
  if (outer == 0 || inner == 0) return;
  const RowChunks chunks(reduced, inner);
  const int64 width = inner, count = chunks.count;
  float* partials = partialSums(call, outer * count * width);
  const int64 chunkElements = maximum(int64{1}, minimum(reduced, chunks.rowsPerChunk) * inner);
  overRows(call, outer * count, chunkElements, [&](int64 item) {
    const int64 o = item / count, chunk = item % count;
    const float* rows = input + (o * reduced + chunks.begin(chunk)) * inner;
    const int64 length = chunks.end(chunk) - chunks.begin(chunk);
    if (inner == 1)
      partials[item] = reduceRun<Reduction>(rows, length);
    else
      reduceColumns<Reduction>(partials + item * width, rows, length, inner);
  });
  overRows(call, outer, count * width, [&](int64 o) {
    const float* parts = partials + o * count * width;
    if (inner == 1) {
      const float result = scale * reduceRun<Reduction>(parts, count);
      output[o] = accumulate ? output[o] + result : result;
      return;
    }
    overVectors(0, inner, [&](int64 i, auto part) {
      Vector result = broadcast(Reduction::start());
      for (int64 chunk = 0; chunk < count; ++chunk) result = Reduction::combine(part.read(parts + chunk * width + i), result);
      result = result * scale;
      part.write(output + o * inner + i, accumulate ? part.read(output + o * inner + i) + result : result);
    });
  });
}

}  // namespace

void reduce(const Call& call) {
  switch (call.integer(0)) {
    case 0: return reduceWith<Sum>(call);
    case 1: return reduceWith<Extreme<1>>(call);
    default: return reduceWith<Extreme<-1>>(call);
  }
}

void reduceRows(const Call& call) {
  float* output = call.buffer<float>(0);
  const float* a = call.buffer<float>(1);
  const float* b = call.buffer<float>(2);
  const int64 rows = call.integer(0), columns = call.integer(1);
  const RowChunks chunks(rows, columns);
  float* partials = partialSums(call, chunks.count * columns);
  parallelFor(call, chunks.count, [&](int64 chunk, int) {
    const int64 begin = chunks.begin(chunk), end = chunks.end(chunk);
    float* sum = partials + chunk * columns;
    if (!b) return reduceColumns<Sum>(sum, a + begin * columns, end - begin, columns);
    overVectors(0, columns, [&](int64 c, auto part) { part.write(sum + c, zero()); });
    int64 r = begin;
    for (; r + 2 <= end; r += 2)
      overVectors(0, columns, [&](int64 c, auto part) {
        const int64 i = r * columns + c, j = i + columns;
        const Vector first = fma(part.read(a + i), part.read(b + i), part.read(sum + c));
        part.write(sum + c, fma(part.read(a + j), part.read(b + j), first));
      });
    if (r < end)
      overVectors(0, columns, [&](int64 c, auto part) {
        const int64 i = r * columns + c;
        part.write(sum + c, fma(part.read(a + i), part.read(b + i), part.read(sum + c)));
      });
  });
  addPartialSums(output, partials, chunks.count, columns, columns, call.integer(2) != 0);
}

void dotRows(const Call& call) {
  float* output = call.buffer<float>(0);
  const float* a = call.buffer<float>(1);
  const float* b = call.buffer<float>(2);
  const int64 rows = call.integer(0), columns = call.integer(1);
  overRows(call, rows, columns, [&](int64 r) {
    output[r] = sumOver(r * columns, (r + 1) * columns, [&](int64 i, auto part) { return part.read(a + i) * part.read(b + i); });
  });
}

}  // namespace splitmask::SPLITMASK_SET
