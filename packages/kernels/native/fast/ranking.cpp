// Argmax and the k largest of rows: the row is scanned by vectors, and only what beats the best so far is looked at one by one.
#include "../indices.h"
#include "../ordering.h"
#include "anyLane.h"
#include "loops.h"

namespace splitmask::SPLITMASK_SET {

void argmaxRows(const Call& call) {
  int* output = call.buffer<int>(0);
  const float* input = call.buffer<float>(1);
  const int64 rows = call.integer(0), columns = call.integer(1);
  if (rows > 0 && columns == 0) return call.fail(call, "a row without columns has no largest value", 0, 1);
  overRows(call, rows, columns, [&](int64 r) {
    const float* x = input + r * columns;
    // Each lane keeps the first of its own columns with its largest value.
    Vector best = broadcast(-__builtin_inff());
    IntVector place = broadcast(-1), column = laneNumbers();
    overVectors(0, columns, [&](int64 c, auto part) {
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
    output[r] = x[result] == x[result] ? result : noIndex;
  });
}

void topK(const Call& call) {
  float* values = call.buffer<float>(0);
  int* indices = call.buffer<int>(1);
  const float* input = call.buffer<float>(2);
  const int64 rows = call.integer(0), columns = call.integer(1), k = call.integer(2);
  if (k > columns)
    return call.fail(call, "k is {given}, but the rows have {expected} columns", static_cast<double>(k), static_cast<double>(columns));
  if (k == 0) return;
  overRows(call, rows, columns, [&](int64 r) {
    const float* x = input + r * columns;
    float* value = values + r * k;
    int* index = indices + r * k;
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
