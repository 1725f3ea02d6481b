// Reductions; sums are held in double, so that the naive float32 result is a reference for any other order.
#include <algorithm>
#include <limits>
#include <vector>

#include "../indices.h"
#include "../ordering.h"
#include "naive.h"

namespace splitmask::naive {

template <class T> void reduce(const Call& call) {
  T* output = call.buffer<T>(0);
  const T* input = call.buffer<T>(1);
  const int64 operation = call.integer(0), outer = call.integer(1), reduced = call.integer(2), inner = call.integer(3);
  const double scale = call.number(4);
  const bool accumulate = call.integer(5) != 0;
  for (int64 o = 0; o < outer; ++o)
    for (int64 i = 0; i < inner; ++i) {
      const T* column = input + o * reduced * inner + i;
      T& result = output[o * inner + i];
      if (operation == 0) {
        double sum = 0;
        for (int64 r = 0; r < reduced; ++r) sum += column[r * inner];
        result = static_cast<T>(scale * sum + (accumulate ? static_cast<double>(result) : 0));
      } else {
        const T sign = operation == 1 ? T(1) : T(-1);
        T best = -std::numeric_limits<T>::infinity();
        for (int64 r = 0; r < reduced; ++r)
          if (isGreater(sign * column[r * inner], best)) best = sign * column[r * inner];
        result = static_cast<T>(scale) * sign * best;
      }
    }
}

template <class T> void reduceRows(const Call& call) {
  T* output = call.buffer<T>(0);
  const T* a = call.buffer<T>(1);
  const T* b = call.buffer<T>(2);
  const int64 rows = call.integer(0), columns = call.integer(1);
  const bool accumulate = call.integer(2) != 0;
  for (int64 c = 0; c < columns; ++c) {
    double sum = accumulate ? static_cast<double>(output[c]) : 0;
    for (int64 r = 0; r < rows; ++r) {
      const int64 i = r * columns + c;
      sum += b ? static_cast<double>(a[i]) * b[i] : a[i];
    }
    output[c] = static_cast<T>(sum);
  }
}

template <class T> void dotRows(const Call& call) {
  T* output = call.buffer<T>(0);
  const T* a = call.buffer<T>(1);
  const T* b = call.buffer<T>(2);
  const int64 rows = call.integer(0), columns = call.integer(1);
  for (int64 r = 0; r < rows; ++r) {
    double sum = 0;
    for (int64 i = r * columns; i < (r + 1) * columns; ++i) sum += static_cast<double>(a[i]) * b[i];
    output[r] = static_cast<T>(sum);
  }
}

template <class T> void argmaxRows(const Call& call) {
  int* output = call.buffer<int>(0);
  const T* input = call.buffer<T>(1);
  const int64 rows = call.integer(0), columns = call.integer(1);
  if (rows > 0 && columns == 0) return call.fail(call, "a row without columns has no largest value", 0, 1);
  for (int64 r = 0; r < rows; ++r) {
    const T* row = input + r * columns;
    int64 best = 0;
    for (int64 c = 1; c < columns; ++c)
      if (isGreater(row[c], row[best])) best = c;
    output[r] = row[best] == row[best] ? static_cast<int>(best) : noIndex;
  }
}

template <class T> void topK(const Call& call) {
  T* values = call.buffer<T>(0);
  int* indices = call.buffer<int>(1);
  const T* input = call.buffer<T>(2);
  const int64 rows = call.integer(0), columns = call.integer(1), k = call.integer(2);
  if (k > columns)
    return call.fail(call, "k is {given}, but the rows have {expected} columns", static_cast<double>(k), static_cast<double>(columns));
  std::vector<int> order(static_cast<size_t>(columns));
  for (int64 r = 0; r < rows; ++r) {
    const T* row = input + r * columns;
    for (int64 c = 0; c < columns; ++c) order[static_cast<size_t>(c)] = static_cast<int>(c);
    std::partial_sort(order.begin(), order.begin() + k, order.end(), [row](int x, int y) {
      return isGreater(row[x], row[y]) || (!isGreater(row[y], row[x]) && x < y);
    });
    for (int64 j = 0; j < k; ++j) {
      indices[r * k + j] = order[static_cast<size_t>(j)];
      values[r * k + j] = row[order[static_cast<size_t>(j)]];
    }
  }
}

template <class T> void binCount(const Call& call) {
  T* counts = call.buffer<T>(0);
  const int* input = call.buffer<int>(1);
  const int64 size = call.integer(0), bins = call.integer(1);
  if (!indicesAreInside(call, input, size, bins, true)) return;
  // Counted in integers: a float32 stops counting at 2²⁴.
  std::vector<int64> found(static_cast<size_t>(bins), 0);
  bool missing = false;
  for (int64 i = 0; i < size; ++i) {
    if (input[i] == noIndex) missing = true;
    else ++found[static_cast<size_t>(input[i])];
  }
  for (int64 v = 0; v < bins; ++v)
    counts[v] = missing ? std::numeric_limits<T>::quiet_NaN()
                        : static_cast<T>(static_cast<double>(counts[v]) + found[static_cast<size_t>(v)]);
}

template <class T> void equalShare(const Call& call) {
  const int* a = call.buffer<int>(1);
  const int* b = call.buffer<int>(2);
  const int64 size = call.integer(0);
  int64 equal = 0;
  bool missing = size == 0;
  for (int64 i = 0; i < size; ++i) {
    equal += a[i] == b[i];
    missing |= a[i] == noIndex || b[i] == noIndex;
  }
  call.buffer<T>(0)[0] =
      missing ? std::numeric_limits<T>::quiet_NaN()
              : static_cast<T>(static_cast<double>(equal) / static_cast<double>(size));
}

}  // namespace splitmask::naive

NAIVE_KERNEL(reduce)
NAIVE_KERNEL(reduceRows)
NAIVE_KERNEL(dotRows)
NAIVE_KERNEL(argmaxRows)
NAIVE_KERNEL(topK)
NAIVE_KERNEL(binCount)
NAIVE_KERNEL(equalShare)
