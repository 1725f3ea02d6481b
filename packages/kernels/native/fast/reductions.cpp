// Sums, maxima, minima, argmax and the k largest, in an order that depends on the sizes only.
#include "../generated/reductions.h"
#include "../indices.h"
#include "../ordering.h"
#include "anyLane.h"
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
  static inline __attribute__((always_inline)) Vector combine(Vector a, Vector b) {
    return select((Sign > 0 ? a > b : a < b) | (a != a), a, b);
  }
  static float combine(float a, float b) { return (Sign > 0 ? a > b : a < b) || a != a ? a : b; }
};

// Of values[0 … count).
template <class Reducer> float reduceRun(const float* values, int64 count) {
  const float start = Reducer::start();
  Vector result0 = broadcast(start), result1 = result0, result2 = result0, result3 = result0;
  int64 i = 0;
  for (; i + 4 * lanes <= count; i += 4 * lanes) {
    result0 = Reducer::combine(load(values + i), result0);
    result1 = Reducer::combine(load(values + i + lanes), result1);
    result2 = Reducer::combine(load(values + i + 2 * lanes), result2);
    result3 = Reducer::combine(load(values + i + 3 * lanes), result3);
  }
  overVectors(i, count, [&](int64 j, auto part) { result0 = Reducer::combine(part.read(values + j, start), result0); });
  return reduceLanes(Reducer::combine(Reducer::combine(result0, result1), Reducer::combine(result2, result3)),
                     [](float a, float b) { return Reducer::combine(a, b); });
}

// result[i] = the reduction over r < count of rows[r·inner + i]; four rows at a time.
template <class Reducer, class T> void reduceColumns(float* result, const T* rows, int64 count, int64 inner) {
  overVectors(0, inner, [&](int64 i, auto part) { part.write(result + i, broadcast(Reducer::start())); });
  int64 r = 0;
  for (; r + 4 <= count; r += 4) {
    const T* row = rows + r * inner;
    overVectors(0, inner, [&](int64 i, auto part) {
      const Vector pair0 = Reducer::combine(part.read(row + i), part.read(row + inner + i));
      const Vector pair1 = Reducer::combine(part.read(row + 2 * inner + i), part.read(row + 3 * inner + i));
      part.write(result + i, Reducer::combine(Reducer::combine(pair0, pair1), part.read(result + i)));
    });
  }
  for (; r < count; ++r)
    overVectors(0, inner, [&](int64 i, auto part) {
      part.write(result + i, Reducer::combine(part.read(rows + r * inner + i), part.read(result + i)));
    });
}

// `reduced` is cut in chunks; each (outer, chunk) gives a row of `inner` partial results, which are then combined in
// order.
template <class Reducer> void reduceWith(const Reduce<float>& call) {
  const int64 outer = call.outer, reduced = call.reduced, inner = call.inner;
  const float scale = static_cast<float>(call.scale);
  if (outer == 0 || inner == 0) return;
  const RowChunks chunks(reduced, inner);
  const int64 width = inner, count = chunks.count;
  float* partials = partialSums(call, outer * count * width);
  const int64 chunkElements = maximum(int64{1}, minimum(reduced, chunks.rowsPerChunk) * inner);
  overRows(call, outer * count, chunkElements, [&](int64 item) {
    const int64 o = item / count, chunk = item % count;
    const float* rows = call.input + (o * reduced + chunks.begin(chunk)) * inner;
    const int64 length = chunks.end(chunk) - chunks.begin(chunk);
    if (inner == 1)
      partials[item] = reduceRun<Reducer>(rows, length);
    else
      reduceColumns<Reducer>(partials + item * width, rows, length, inner);
  });
  constexpr int64 columns = 256;  // of a task
  const int64 pieces = (inner + columns - 1) / columns;
  overRows(call, outer * pieces, count * minimum(columns, width), [&](int64 item) {
    const int64 o = item / pieces, begin = item % pieces * columns;
    const float* parts = partials + o * count * width;
    if (inner == 1) {
      call.output[o] = scale * reduceRun<Reducer>(parts, count);
      return;
    }
    overVectors(begin, minimum(inner, begin + columns), [&](int64 i, auto part) {
      Vector result = broadcast(Reducer::start());
      for (int64 chunk = 0; chunk < count; ++chunk)
        result = Reducer::combine(part.read(parts + chunk * width + i), result);
      part.write(call.output + o * inner + i, result * scale);
    });
  });
}

}  // namespace

void reduce(const Reduce<float>& call) {
  switch (call.operation) {
    case Reduction::sum:
      return reduceWith<Sum>(call);
    case Reduction::maximum:
      return reduceWith<Extreme<1>>(call);
    default:
      return reduceWith<Extreme<-1>>(call);
  }
}

// Running sums, in doubles: of the elements of a line, or of lines that lie side by side.

namespace {

// Step −1: from the last element to the first. Four sums at a time wait for one addition.
template <int Step> void runningSum(float* y, const float* x, int64 length) {
  double total = 0;
  int64 i = 0;
  for (; i + 4 <= length; i += 4, x += 4 * Step, y += 4 * Step) {
    const double first = x[0], pair = first + x[Step], third = x[2 * Step], rest = third + x[3 * Step];
    y[0] = static_cast<float>(total + first);
    y[Step] = static_cast<float>(total + pair);
    y[2 * Step] = static_cast<float>(total + (pair + third));
    total += pair + rest;
    y[3 * Step] = static_cast<float>(total);
  }
  for (; i < length; ++i, x += Step, y += Step) {
    total += *x;
    *y = static_cast<float>(total);
  }
}

// Of the columns begin … end of `length` rows, `step` apart.
void runningSums(float* y, const float* x, int64 length, int64 step, int64 begin, int64 end) {
  overVectors(begin, end, [&](int64 c, auto part) {
    Doubles total = {};
    for (int64 r = 0; r < length; ++r) {
      const Doubles value = toDoubles(part.read(x + r * step + c));
      total.low += value.low;
      total.high += value.high;
      part.write(y + r * step + c, toFloats(total));
    }
  });
}

}  // namespace

void cumulativeSum(const CumulativeSum<float>& call) {
  const int64 length = call.length, inner = call.inner, last = (length - 1) * inner;
  if (inner == 1)
    return overRows(call, call.outer, length, [&](int64 o) {
      float* y = call.output + o * length;
      const float* x = call.input + o * length;
      if (call.reverse)
        runningSum<-1>(y + last, x + last, length);
      else
        runningSum<1>(y, x, length);
    });
  constexpr int64 columns = 64;  // of a task
  const int64 pieces = (inner + columns - 1) / columns;
  overRows(call, call.outer * pieces, length * minimum(inner, columns), [&](int64 item) {
    const int64 start = item / pieces * length * inner + (call.reverse ? last : 0), begin = item % pieces * columns;
    runningSums(call.output + start, call.input + start, length, call.reverse ? -inner : inner, begin,
                minimum(inner, begin + columns));
  });
}

void sumColumns(const SumColumns<float>& call) {
  const RowChunks chunks(call.rows, call.columns);
  float* partials = partialSums(call, chunks.count * call.columns);
  parallelFor(call, chunks.count, [&](int64 chunk, int) {
    reduceColumns<Sum>(partials + chunk * call.columns, call.input + chunks.begin(chunk) * call.columns,
                       chunks.end(chunk) - chunks.begin(chunk), call.columns);
  });
  addPartialSums(call.output, partials, chunks.count, call.columns, call.columns);
}

void dotColumns(const DotColumns<float>& call) {
  const int64 columns = call.columns;
  const RowChunks chunks(call.rows, columns);
  float* partials = partialSums(call, chunks.count * columns);
  parallelFor(call, chunks.count, [&](int64 chunk, int) {
    float* sum = partials + chunk * columns;
    overVectors(0, columns, [&](int64 c, auto part) { part.write(sum + c, zero()); });
    int64 r = chunks.begin(chunk);
    const int64 end = chunks.end(chunk);
    for (; r + 2 <= end; r += 2) {
      const float *a0 = call.a + r * columns, *b0 = call.b + r * columns, *a1 = a0 + columns, *b1 = b0 + columns;
      overVectors(0, columns, [=](int64 c, auto part) {
        const Vector first = fma(part.read(a0 + c), part.read(b0 + c), part.read(sum + c));
        part.write(sum + c, fma(part.read(a1 + c), part.read(b1 + c), first));
      });
    }
    if (r == end) return;
    const float *a = call.a + r * columns, *b = call.b + r * columns;
    overVectors(0, columns, [=](int64 c, auto part) {
      part.write(sum + c, fma(part.read(a + c), part.read(b + c), part.read(sum + c)));
    });
  });
  addPartialSums(call.output, partials, chunks.count, columns, columns);
}

void dotRows(const DotRows<float>& call) {
  overRows(call, call.rows, call.columns, [&](int64 r) {
    call.output[r] = sumOver(r * call.columns, (r + 1) * call.columns,
                             [&](int64 i, auto part) { return part.read(call.a + i) * part.read(call.b + i); });
  });
}

// Argmax and the k largest of rows: the row is scanned by vectors, and only what beats the best so far is looked at one
// by one.

void argmaxRows(const ArgmaxRows<float>& call) {
  if (call.rows > 0 && call.columns == 0) return call.fail(call, "a row without columns has no largest value", 0, 1);
  overRows(call, call.rows, call.columns, [&](int64 r) {
    const float* x = call.input + r * call.columns;
    // Each lane keeps the first of its own columns with its largest value.
    Vector best = broadcast(-__builtin_inff());
    IntVector place = broadcast(-1), column = laneNumbers();
    overVectors(0, call.columns, [&](int64 c, auto part) {
      const Vector value = part.read(x + c, -__builtin_inff());
      const IntVector better = (value > best) | ((value != value) & (best == best));
      best = select(better, value, best);
      place = select(better, column, place);
      column += broadcast(lanes);
    });
    int result = 0;  // a row of −∞ beats nothing
    for (int lane = 0; lane < lanes; ++lane) {
      const int candidate = place[lane];
      if (candidate < 0) continue;
      const bool ties = !isGreater(x[result], x[candidate]) && !isGreater(x[candidate], x[result]);
      if (isGreater(x[candidate], x[result]) || (ties && candidate < result)) result = candidate;
    }
    call.output[r] = x[result] == x[result] ? result : noIndex;
  });
}

void topK(const TopK<float>& call) {
  if (call.k > call.columns)
    return call.fail(call, "k is {given}, but the rows have {expected} columns", static_cast<double>(call.k),
                     static_cast<double>(call.columns));
  if (call.k == 0) return;
  overRows(call, call.rows, call.columns, [&](int64 r) {
    const int64 k = call.k, columns = call.columns;
    const float* x = call.input + r * columns;
    float* value = call.values + r * k;
    int* index = call.indices + r * k;
    int64 held = 0;
    // Inserts column c behind all that are at least as large, so that ties stand by column; the smallest falls out.
    const auto insert = [&](int64 c) {
      if (held == k && !isGreater(x[c], value[k - 1])) return;
      int64 position = held < k ? held++ : k - 1;
      for (; position > 0 && isGreater(x[c], value[position - 1]); --position) {
        value[position] = value[position - 1];
        index[position] = index[position - 1];
      }
      value[position] = x[c];
      index[position] = static_cast<int>(c);
    };
    int64 c = 0;
    for (; c < k; ++c) insert(c);
    for (; c + lanes <= columns; c += lanes) {
      const Vector next = load(x + c);
      if (!anyLane((next > broadcast(value[k - 1])) | (next != next))) continue;
      for (int lane = 0; lane < lanes; ++lane) insert(c + lane);
    }
    for (; c < columns; ++c) insert(c);
  });
}

}  // namespace splitmask::SPLITMASK_SET
