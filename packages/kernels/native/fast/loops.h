// Loops of whole vectors with one partial vector at the end, so that a kernel's arithmetic is written once, and the cut
// of rows into tasks.
#pragma once
#include "../parallel.h"
#include "../vector.h"
#include "bfloat16.h"
#include "doubles.h"

namespace splitmask::SPLITMASK_SET {

// By this the body of `overVectors` reads and writes floats and Bfloat16, integers and bytes: all lanes, or the first
// `count`.
struct AllLanes {
  template <class T> inline __attribute__((always_inline)) auto read(const T* from, float = 0.0f) const {
    return load(from);
  }
  template <class T, class V> inline __attribute__((always_inline)) void write(T* to, V value) const {
    store(to, value);
  }
  // `value` in the lanes in use, `filler` in the others.
  inline __attribute__((always_inline)) Vector keep(Vector value, float) const { return value; }
};
struct SomeLanes {
  int count;
  template <class T> inline __attribute__((always_inline)) auto read(const T* from, float filler = 0.0f) const {
    return loadPartial(from, count, filler);
  }
  template <class T, class V> inline __attribute__((always_inline)) void write(T* to, V value) const {
    storePartial(to, value, count);
  }
  inline __attribute__((always_inline)) Vector keep(Vector value, float filler) const {
    return select(firstLanes(count), value, broadcast(filler));
  }
};

// body(i, part) for i = begin, begin + lanes, …; the last part may be a SomeLanes.
template <class Body> SPLITMASK_INLINE void overVectors(int64 begin, int64 end, const Body& body) {
  int64 i = begin;
  for (; i + lanes <= end; i += lanes) body(i, AllLanes{});
  if (i < end) body(i, SomeLanes{static_cast<int>(end - i)});
}

// Σ term(i, part) in four running sums; term must give 0 in the lanes that are not in use.
template <class Term> SPLITMASK_INLINE float sumOver(int64 begin, int64 end, const Term& term) {
  Vector sum0 = zero(), sum1 = zero(), sum2 = zero(), sum3 = zero();
  int64 i = begin;
  for (; i + 4 * lanes <= end; i += 4 * lanes) {
    sum0 += term(i, AllLanes{});
    sum1 += term(i + lanes, AllLanes{});
    sum2 += term(i + 2 * lanes, AllLanes{});
    sum3 += term(i + 3 * lanes, AllLanes{});
  }
  overVectors(i, end, [&](int64 j, auto part) { sum0 += term(j, part); });
  return horizontalSum((sum0 + sum1) + (sum2 + sum3));
}

// The largest of row[begin … end), −∞ for none. A NaN is passed over: what uses the maximum meets it again.
SPLITMASK_INLINE float maximumOver(const float* row, int64 begin, int64 end, float start) {
  Vector best0 = broadcast(start), best1 = best0, best2 = best0, best3 = best0;
  int64 i = begin;
  for (; i + 4 * lanes <= end; i += 4 * lanes) {
    best0 = maximum(load(row + i), best0);
    best1 = maximum(load(row + i + lanes), best1);
    best2 = maximum(load(row + i + 2 * lanes), best2);
    best3 = maximum(load(row + i + 3 * lanes), best3);
  }
  overVectors(i, end, [&](int64 j, auto part) { best0 = maximum(part.read(row + j, -__builtin_inff()), best0); });
  return horizontalMaximum(maximum(maximum(best0, best1), maximum(best2, best3)));
}

// Σ value² in float64, which no float32 overflows.
static inline double sumOfSquares(const float* values, int64 count) {
  constexpr int half = lanes / 2;
  DoubleVector sum0 = {}, sum1 = {};
  int64 i = 0;
  for (; i + lanes <= count; i += lanes) {
    const Doubles value = toDoubles(load(values + i));
    sum0 += value.low * value.low;
    sum1 += value.high * value.high;
  }
  sum0 += sum1;
  double sum = 0;
  for (int lane = 0; lane < half; ++lane) sum += sum0[lane];
  for (; i < count; ++i) sum += static_cast<double>(values[i]) * values[i];
  return sum;
}

// Elements of one task: enough to outweigh its start, few enough that small tensors still share the threads.
constexpr int64 taskElements = 1 << 13;

// body(begin, end) over ranges of [0, size), cut by size alone.
template <class Body> inline void overRanges(const Call& call, int64 size, const Body& body) {
  parallelFor(call, (size + taskElements - 1) / taskElements,
              [&](int64 task, int) { body(task * taskElements, minimum(size, (task + 1) * taskElements)); });
}

// body(first row, end) for groups of rows of `columns` elements.
template <class Body> inline void overRowGroups(const Call& call, int64 rows, int64 columns, const Body& body) {
  const int64 rowsPerTask = maximum(int64{1}, taskElements / maximum(int64{1}, columns));
  parallelFor(call, (rows + rowsPerTask - 1) / rowsPerTask,
              [&](int64 task, int) { body(task * rowsPerTask, minimum(rows, (task + 1) * rowsPerTask)); });
}

// body(row) for each of `rows` rows of `columns` elements.
template <class Body> inline void overRows(const Call& call, int64 rows, int64 columns, const Body& body) {
  overRowGroups(call, rows, columns, [&](int64 begin, int64 end) {
    for (int64 row = begin; row < end; ++row) body(row);
  });
}

}  // namespace splitmask::SPLITMASK_SET
