// Attention of one (sample, head) per task. A block of query rows × all keys lives in the thread's scratch memory, never the whole N×N matrix of
// a large N; k and v are packed once a task for the GEMM's micro-kernel, q and the scores are read where they lie.
#include "../parallel.h"
#include "gemmBlock.h"
#include "maths.h"

namespace splitmask::SPLITMASK_SET {

namespace {

struct Heads {
  int64 batch, tokens, heads, width;
  float scale;
  explicit Heads(const Call& call)
      : batch(call.integer(0)), tokens(call.integer(1)), heads(call.integer(2)), width(call.integer(3)),
        scale(static_cast<float>(call.number(4))) {}
  int64 tasks() const { return tokens > 0 && width > 0 ? batch * heads : 0; }
  // So many (sample, head) that follow each other are worth handing to a thread.
  int64 together() const { return maximum(1, (1 << 20) / (tokens * tokens * width)); }
  // Of task (sample, head): where q, k, v (part 0, 1, 2) begin in B×N×3×H×d, rows packedStride() apart; where the head begins in B×N×H×d.
  int64 packed(int64 task, int64 part) const { return ((task / heads * tokens * 3 + part) * heads + task % heads) * width; }
  int64 packedRow() const { return 3 * heads * width; }
  int64 merged(int64 task) const { return (task / heads * tokens * heads + task % heads) * width; }
  int64 mergedRow() const { return heads * width; }
  int64 scoreStride() const { return packedStride(tokens); }
};

// Rows of scores that stay in the second-level cache, in whole tiles.
int64 rowsAtOnce(const Heads& shape, int64 matrices) {
  const int64 rows = (1 << 16) / (matrices * shape.scoreStride()) / tileRows * tileRows;
  return minimum(shape.tokens, maximum(tileRows, rows));
}

// Room for one number a row, in whole vectors.
constexpr int rowRoom = (tileRows + lanes - 1) / lanes * lanes;
struct RowVectors {
  Vector of[rowRoom];
};
struct alignas(64) RowNumbers {
  float of[rowRoom];
};

// Reduces the vector of each of `rows` rows to a number: a transpose and lanes − 1 steps for `lanes` rows together.
template <class Combine> SPLITMASK_INLINE void reduceEach(const RowVectors& parts, int64 rows, RowNumbers& results, Combine combine) {
  for (int64 first = 0; first < rows; first += lanes) {
    Vector square[lanes];
#pragma GCC unroll 16
    for (int i = 0; i < lanes; ++i) square[i] = parts.of[first + i];
    transposeSquare(square);
#pragma GCC unroll 4
    for (int half = lanes / 2; half > 0; half /= 2)
#pragma GCC unroll 8
      for (int i = 0; i < half; ++i) square[i] = combine(square[i], square[i + half]);
    store(results.of + first, square[0]);
  }
}

// Turns at most tileRows rows of scores into e^(score − maximum), zeros up to whole vectors; gives each row's maximum and sum.
SPLITMASK_INLINE void exponentiateRows(
    float* scores, int64 stride, int64 rows, int64 tokens, RowNumbers& largest, RowNumbers& sum) {
  const int64 whole = tokens / lanes * lanes;
  const int rest = static_cast<int>(tokens - whole);
  const Vector lowest = broadcast(-__builtin_inff());
  RowVectors parts;
  for (int64 i = rows; i < rowRoom; ++i) parts.of[i] = Vector{};
  for (int64 i = 0; i < rows; ++i) {
    float* row = scores + i * stride;
    Vector top = lowest;
    for (int64 j = 0; j < whole; j += lanes) top = maximum(load(row + j), top);
    if (rest > 0) {
      const Vector tail = select(firstLanes(rest), load(row + whole), lowest);
      store(row + whole, tail);
      top = maximum(tail, top);
    }
    parts.of[i] = top;
  }
  reduceEach(parts, rows, largest, [](Vector a, Vector b) { return maximum(a, b); });
  for (int64 i = 0; i < rows; ++i) {
    float* row = scores + i * stride;
    const Vector shift = broadcast(largest.of[i]);
    Vector total{};
    for (int64 j = 0; j < tokens; j += lanes) {
      const Vector e = exponentialOfNegative(load(row + j) - shift);
      store(row + j, e);
      total += e;
    }
    parts.of[i] = total;
  }
  reduceEach(parts, rows, sum, [](Vector a, Vector b) { return a + b; });
}

// Asks for rows of the next task: a head's rows are short and far apart, which the hardware's prefetcher does not see through.
SPLITMASK_INLINE void prefetchRows(const float* from, int64 stride, int64 rows, int64 width) {
  for (int64 i = 0; i < rows; ++i)
    for (int64 j = 0; j < width; j += 16) __builtin_prefetch(from + i * stride + j);
}

// body(task, thread, next) for every (sample, head); `next` is the task that the same thread does afterwards, −1 after the last.
template <class Body> SPLITMASK_INLINE void forEachHead(const Call& call, const Heads& shape, const Body& body) {
  const int64 tasks = shape.tasks();
  if (tasks == 0) return;
  const int64 together = shape.together();
  parallelFor(call, divideUp(tasks, together), [&](int64 group, int thread) {
    const int64 end = minimum(tasks, (group + 1) * together);
    for (int64 task = group * together; task < end; ++task) body(task, thread, task + 1 < end ? task + 1 : -1);
  });
}

SPLITMASK_INLINE void scaleRow(float* to, const float* from, int64 size, float factor) {
  int64 i = 0;
  for (; i + lanes <= size; i += lanes) store(to + i, load(from + i) * factor);
  if (i < size) {
    const int rest = static_cast<int>(size - i);
    storePartial(to + i, loadPartial(from + i, rest) * factor, rest);
  }
}

// The sums of a∘b of at most tileRows rows.
SPLITMASK_INLINE void dotRows(const float* a, const float* b, int64 stride, int64 rows, int64 size, RowNumbers& results) {
  RowVectors parts;
  for (int64 i = rows; i < rowRoom; ++i) parts.of[i] = Vector{};
  for (int64 i = 0; i < rows; ++i, a += stride, b += stride) {
    Vector sum{};
    int64 j = 0;
    for (; j + lanes <= size; j += lanes) sum += load(a + j) * load(b + j);
    if (j < size) {
      const int rest = static_cast<int>(size - j);
      sum += loadPartial(a + j, rest) * loadPartial(b + j, rest);
    }
    parts.of[i] = sum;
  }
  reduceEach(parts, rows, results, [](Vector x, Vector y) { return x + y; });
}

}  // namespace

void attention(const Call& call) {
  float* output = call.buffer<float>(0);
  float* logSumExp = call.buffer<float>(1);
  const float* qkv = call.buffer<float>(2);
  const Heads shape(call);
  const int64 tokens = shape.tokens, width = shape.width, stride = shape.scoreStride();
  const int64 block = evenHeight(tokens);
  const int64 keysSize = panelsSize(width, tokens), valuesSize = panelsSize(tokens, width);
  forEachHead(call, shape, [&](int64 task, int thread, int64 next) {
    float* keys = static_cast<float*>(call.scratch(call, thread, (keysSize + valuesSize + block * stride) * 4));
    float* values = keys + keysSize;
    float* scores = values + valuesSize;
    packTransposedPanels(keys, qkv + shape.packed(task, 1), shape.packedRow(), width, tokens);
    packPanels(values, qkv + shape.packed(task, 2), shape.packedRow(), tokens, width);
    const float* query = qkv + shape.packed(task, 0);
    float* result = output + shape.merged(task);
    for (int64 row = 0; row < tokens; row += block) {
      const int64 rows = minimum(block, tokens - row);
      if (next >= 0) {
        for (int64 part = 0; part < 3; ++part) {
          prefetchRows(qkv + shape.packed(next, part) + row * shape.packedRow(), shape.packedRow(), rows, width);
        }
      }
      multiplyBlock(
          rows, tokens, width, query + row * shape.packedRow(), shape.packedRow(), Layout::byRow, keys, shape.scale, 0.0f,
          scores, stride);
      RowNumbers largest, sum;
      exponentiateRows(scores, stride, rows, tokens, largest, sum);
      float* place = result + row * shape.mergedRow();
      multiplyBlock(rows, width, tokens, scores, stride, Layout::byRow, values, 1.0f, 0.0f, place, shape.mergedRow());
      for (int64 i = 0; i < rows; ++i) {
        scaleRow(place + i * shape.mergedRow(), place + i * shape.mergedRow(), width, 1.0f / sum.of[i]);
      }
      for (int64 i = 0; i < rows; i += lanes) {
        const Vector logarithms = load(largest.of + i) + logarithm(load(sum.of + i));
        storePartial(logSumExp + task * tokens + row + i, logarithms, static_cast<int>(minimum(lanes, rows - i)));
      }
    }
  });
}

// P = e^(scale·q·kᵀ − logSumExp); dV = PᵀdO, dP = dO·vᵀ, D = rowsum(dO∘O), dS = scale·P∘(dP − D), dQ = dS·k, dK = dSᵀ·q.
void attentionBackward(const Call& call) {
  float* qkvGradient = call.buffer<float>(0);
  const float* outputGradient = call.buffer<float>(1);
  const float* qkv = call.buffer<float>(2);
  const float* output = call.buffer<float>(3);
  const float* logSumExp = call.buffer<float>(4);
  const Heads shape(call);
  const int64 tokens = shape.tokens, width = shape.width, stride = shape.scoreStride();
  const int64 block = rowsAtOnce(shape, 2);
  const int64 transposedSize = panelsSize(width, tokens), plainSize = panelsSize(tokens, width);
  const int64 packedRow = shape.packedRow(), mergedRow = shape.mergedRow();
  forEachHead(call, shape, [&](int64 task, int thread, int64 next) {
    const int64 needed = 2 * transposedSize + 3 * plainSize + 2 * block * stride;
    float* transposedKeys = static_cast<float*>(call.scratch(call, thread, needed * 4));
    float* transposedValues = transposedKeys + transposedSize;
    float* keys = transposedValues + transposedSize;
    float* queries = keys + plainSize;
    float* gradients = queries + plainSize;
    float* probabilities = gradients + plainSize;
    float* scoreGradients = probabilities + block * stride;
    const float* query = qkv + shape.packed(task, 0);
    const float* gradient = outputGradient + shape.merged(task);
    packTransposedPanels(transposedKeys, qkv + shape.packed(task, 1), packedRow, width, tokens);
    packTransposedPanels(transposedValues, qkv + shape.packed(task, 2), packedRow, width, tokens);
    packPanels(keys, qkv + shape.packed(task, 1), packedRow, tokens, width);
    for (int64 row = 0; row < tokens; row += block) {
      const int64 rows = minimum(block, tokens - row);
      if (next >= 0) {
        for (int64 part = 0; part < 3; ++part) {
          prefetchRows(qkv + shape.packed(next, part) + row * packedRow, packedRow, rows, width);
        }
        prefetchRows(outputGradient + shape.merged(next) + row * mergedRow, mergedRow, rows, width);
        prefetchRows(output + shape.merged(next) + row * mergedRow, mergedRow, rows, width);
      }
      packPanels(queries, query + row * packedRow, packedRow, rows, width);
      packPanels(gradients, gradient + row * mergedRow, mergedRow, rows, width);
      multiplyBlock(
          rows, tokens, width, query + row * packedRow, packedRow, Layout::byRow, transposedKeys, shape.scale, 0.0f,
          probabilities, stride);
      multiplyBlock(
          rows, tokens, width, gradient + row * mergedRow, mergedRow, Layout::byRow, transposedValues, 1.0f, 0.0f,
          scoreGradients, stride);
      for (int64 first = 0; first < rows; first += tileRows) {
        const int64 count = minimum(tileRows, rows - first), place = shape.merged(task) + (row + first) * mergedRow;
        RowNumbers rowSum;
        dotRows(outputGradient + place, output + place, mergedRow, count, width, rowSum);
        for (int64 i = 0; i < count; ++i) {
          const Vector product = broadcast(rowSum.of[i]), shift = broadcast(logSumExp[task * tokens + row + first + i]);
          float* p = probabilities + (first + i) * stride;
          float* g = scoreGradients + (first + i) * stride;
          for (int64 j = 0; j < tokens; j += lanes) {
            const Vector probability = exponentialOfNegative(load(p + j) - shift);
            store(p + j, probability);
            store(g + j, probability * (load(g + j) - product) * shape.scale);
          }
        }
      }
      const float beta = row == 0 ? 0.0f : 1.0f;
      multiplyBlock(
          rows, width, tokens, scoreGradients, stride, Layout::byRow, keys, 1.0f, 0.0f,
          qkvGradient + shape.packed(task, 0) + row * packedRow, packedRow);
      multiplyBlock(
          tokens, width, rows, scoreGradients, stride, Layout::byInner, queries, 1.0f, beta,
          qkvGradient + shape.packed(task, 1), packedRow);
      multiplyBlock(
          tokens, width, rows, probabilities, stride, Layout::byInner, gradients, 1.0f, beta,
          qkvGradient + shape.packed(task, 2), packedRow);
    }
  });
}

void attentionProbabilities(const Call& call) {
  float* probabilities = call.buffer<float>(0);
  const float* qkv = call.buffer<float>(1);
  const Heads shape(call);
  const int64 tokens = shape.tokens, width = shape.width, stride = shape.scoreStride();
  const int64 block = evenHeight(tokens);
  const int64 keysSize = panelsSize(width, tokens);
  forEachHead(call, shape, [&](int64 task, int thread, int64 next) {
    float* keys = static_cast<float*>(call.scratch(call, thread, (keysSize + block * stride) * 4));
    float* scores = keys + keysSize;
    packTransposedPanels(keys, qkv + shape.packed(task, 1), shape.packedRow(), width, tokens);
    const float* query = qkv + shape.packed(task, 0);
    for (int64 row = 0; row < tokens; row += block) {
      const int64 rows = minimum(block, tokens - row);
      if (next >= 0) {
        for (int64 part = 0; part < 2; ++part) {
          prefetchRows(qkv + shape.packed(next, part) + row * shape.packedRow(), shape.packedRow(), rows, width);
        }
      }
      multiplyBlock(
          rows, tokens, width, query + row * shape.packedRow(), shape.packedRow(), Layout::byRow, keys, shape.scale, 0.0f,
          scores, stride);
      RowNumbers largest, sum;
      exponentiateRows(scores, stride, rows, tokens, largest, sum);
      for (int64 i = 0; i < rows; ++i) {
        scaleRow(probabilities + (task * tokens + row + i) * tokens, scores + i * stride, tokens, 1.0f / sum.of[i]);
      }
    }
  });
}

}  // namespace splitmask::SPLITMASK_SET
