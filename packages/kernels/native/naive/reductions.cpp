// Reductions; sums are held in double, so that the naive float32 result is a reference for any other order.
#include <algorithm>
#include <limits>
#include <vector>

#include "../generated/reductions.h"
#include "../indices.h"
#include "../ordering.h"
#include "bfloat16.h"
#include "naive.h"

namespace splitmask::naive {

template <class T> void reduce(const Reduce<T>& call) {
  for (int64 o = 0; o < call.outer; ++o)
    for (int64 i = 0; i < call.inner; ++i) {
      const T* column = call.input + o * call.reduced * call.inner + i;
      T& result = call.output[o * call.inner + i];
      if (call.operation == Reduction::sum) {
        double sum = 0;
        for (int64 r = 0; r < call.reduced; ++r) sum += column[r * call.inner];
        result = static_cast<T>(call.scale * sum);
      } else {
        const T sign = call.operation == Reduction::maximum ? T(1) : T(-1);
        T best = -std::numeric_limits<T>::infinity();
        for (int64 r = 0; r < call.reduced; ++r)
          if (isGreater(sign * column[r * call.inner], best)) best = sign * column[r * call.inner];
        result = static_cast<T>(call.scale) * sign * best;
      }
    }
}

template <class T> void cumulativeSum(const CumulativeSum<T>& call) {
  for (int64 o = 0; o < call.outer; ++o)
    for (int64 i = 0; i < call.inner; ++i) {
      double sum = 0;
      for (int64 l = 0; l < call.length; ++l) {
        const int64 at = (o * call.length + (call.reverse ? call.length - 1 - l : l)) * call.inner + i;
        sum += call.input[at];
        call.output[at] = static_cast<T>(sum);
      }
    }
}

template <class T> void dotColumns(const DotColumns<T>& call) {
  for (int64 c = 0; c < call.columns; ++c) {
    double sum = 0;
    for (int64 i = c; i < call.rows * call.columns; i += call.columns)
      sum += static_cast<double>(call.a[i]) * call.b[i];
    call.output[c] = static_cast<T>(sum);
  }
}

template <class T> void dotRows(const DotRows<T>& call) {
  for (int64 r = 0; r < call.rows; ++r) {
    double sum = 0;
    for (int64 i = r * call.columns; i < (r + 1) * call.columns; ++i) sum += static_cast<double>(call.a[i]) * call.b[i];
    call.output[r] = static_cast<T>(sum);
  }
}

template <class T> void argmaxRows(const ArgmaxRows<T>& call) {
  if (call.rows > 0 && call.columns == 0) return call.fail(call, "a row without columns has no largest value", 0, 1);
  for (int64 r = 0; r < call.rows; ++r) {
    const T* row = call.input + r * call.columns;
    int64 best = 0;
    for (int64 c = 1; c < call.columns; ++c)
      if (isGreater(row[c], row[best])) best = c;
    call.output[r] = row[best] == row[best] ? static_cast<int>(best) : noIndex;
  }
}

template <class T> void topK(const TopK<T>& call) {
  if (call.k > call.columns)
    return call.fail(call, "k is {given}, but the rows have {expected} columns", static_cast<double>(call.k),
                     static_cast<double>(call.columns));
  std::vector<int> order(static_cast<size_t>(call.columns));
  for (int64 r = 0; r < call.rows; ++r) {
    const T* row = call.input + r * call.columns;
    for (int64 c = 0; c < call.columns; ++c) order[static_cast<size_t>(c)] = static_cast<int>(c);
    std::partial_sort(order.begin(), order.begin() + call.k, order.end(), [row](int x, int y) {
      return isGreater(row[x], row[y]) || (!isGreater(row[y], row[x]) && x < y);
    });
    for (int64 j = 0; j < call.k; ++j) {
      call.indices[r * call.k + j] = order[static_cast<size_t>(j)];
      call.values[r * call.k + j] = row[order[static_cast<size_t>(j)]];
    }
  }
}

template <class T> void sumColumns(const SumColumns<T>& call) {
  for (int64 c = 0; c < call.columns; ++c) {
    double sum = 0;
    for (int64 r = 0; r < call.rows; ++r) sum += floatOf(call.input[r * call.columns + c]);
    call.output[c] = static_cast<T>(sum);
  }
}

template <class T> void binCount(const BinCount<T>& call) {
  if (!indicesAreInside(call, call.input, call.size, call.bins, true)) return;
  // Counted in integers: a float32 stops counting at 2²⁴.
  std::vector<int64> found(static_cast<size_t>(call.bins), 0);
  bool missing = false;
  for (int64 i = 0; i < call.size; ++i) {
    if (call.input[i] == noIndex)
      missing = true;
    else
      ++found[static_cast<size_t>(call.input[i])];
  }
  for (int64 v = 0; v < call.bins; ++v)
    call.counts[v] = missing ? std::numeric_limits<T>::quiet_NaN()
                             : static_cast<T>(static_cast<double>(call.counts[v]) + found[static_cast<size_t>(v)]);
}

template <class T> void equalShare(const EqualShare<T>& call) {
  int64 equal = 0;
  bool missing = call.size == 0;
  for (int64 i = 0; i < call.size; ++i) {
    equal += call.a[i] == call.b[i];
    missing |= call.a[i] == noIndex || call.b[i] == noIndex;
  }
  call.output[0] = missing ? std::numeric_limits<T>::quiet_NaN()
                           : static_cast<T>(static_cast<double>(equal) / static_cast<double>(call.size));
}

}  // namespace splitmask::naive

NAIVE_KERNEL(reduce, Reduce)
NAIVE_KERNEL(sumColumns, SumColumns)
NAIVE_KERNEL(cumulativeSum, CumulativeSum)
NAIVE_KERNEL(dotColumns, DotColumns)
NAIVE_KERNEL(dotRows, DotRows)
NAIVE_KERNEL(argmaxRows, ArgmaxRows)
NAIVE_KERNEL(topK, TopK)
NAIVE_KERNEL(binCount, BinCount)
NAIVE_KERNEL(equalShare, EqualShare)
