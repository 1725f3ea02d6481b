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

// Turns a row of scores into e^(score − maximum), zeros up to whole vectors; gives the maximum and the sum.
SPLITMASK_INLINE void exponentiateRow(float* scores, int64 tokens, float& largest, float& sum) {
  const int64 whole = tokens / lanes * lanes;
  const int rest = static_cast<int>(tokens - whole);
  const Vector lowest = broadcast(-__builtin_inff());
  Vector top = lowest;
  for (int64 i = 0; i < whole; i += lanes) top = maximum(load(scores + i), top);
  if (rest > 0) {
    const Vector tail = select(firstLanes(rest), load(scores + whole), lowest);
    store(scores + whole, tail);
    top = maximum(tail, top);
  }
  largest = horizontalMaximum(top);
  const Vector shift = broadcast(largest);
  Vector total{};
  for (int64 i = 0; i < tokens; i += lanes) {
    const Vector e = exponentialOfNegative(load(scores + i) - shift);
    store(scores + i, e);
    total += e;
  }
  sum = horizontalSum(total);
}

SPLITMASK_INLINE void scaleRow(float* to, const float* from, int64 size, float factor) {
  int64 i = 0;
  for (; i + lanes <= size; i += lanes) store(to + i, load(from + i) * factor);
  if (i < size) {
    const int rest = static_cast<int>(size - i);
    storePartial(to + i, loadPartial(from + i, rest) * factor, rest);
  }
}

SPLITMASK_INLINE float dotRow(const float* a, const float* b, int64 size) {
  Vector sum{};
  int64 i = 0;
  for (; i + lanes <= size; i += lanes) sum += load(a + i) * load(b + i);
  if (i < size) {
    const int rest = static_cast<int>(size - i);
    sum += loadPartial(a + i, rest) * loadPartial(b + i, rest);
  }
  return horizontalSum(sum);
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
  parallelFor(call, shape.tasks(), [&](int64 task, int thread) {
    float* keys = static_cast<float*>(call.scratch(call, thread, (keysSize + valuesSize + block * stride) * 4));
    float* values = keys + keysSize;
    float* scores = values + valuesSize;
    packTransposedPanels(keys, qkv + shape.packed(task, 1), shape.packedRow(), width, tokens);
    packPanels(values, qkv + shape.packed(task, 2), shape.packedRow(), tokens, width);
    const float* query = qkv + shape.packed(task, 0);
    float* result = output + shape.merged(task);
    for (int64 row = 0; row < tokens; row += block) {
      const int64 rows = minimum(block, tokens - row);
      multiplyBlock(
          rows, tokens, width, query + row * shape.packedRow(), shape.packedRow(), Layout::byRow, keys, shape.scale, 0.0f,
          scores, stride);
      float largest[tileRows], sum[tileRows];
      for (int64 i = 0; i < rows; ++i) exponentiateRow(scores + i * stride, tokens, largest[i], sum[i]);
      float* place = result + row * shape.mergedRow();
      multiplyBlock(rows, width, tokens, scores, stride, Layout::byRow, values, 1.0f, 0.0f, place, shape.mergedRow());
      for (int64 i = 0; i < rows; ++i) {
        scaleRow(place + i * shape.mergedRow(), place + i * shape.mergedRow(), width, 1.0f / sum[i]);
        logSumExp[task * tokens + row + i] = largest[i] + logarithm(broadcast(sum[i]))[0];
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
  parallelFor(call, shape.tasks(), [&](int64 task, int thread) {
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
      packPanels(queries, query + row * packedRow, packedRow, rows, width);
      packPanels(gradients, gradient + row * mergedRow, mergedRow, rows, width);
      multiplyBlock(
          rows, tokens, width, query + row * packedRow, packedRow, Layout::byRow, transposedKeys, shape.scale, 0.0f,
          probabilities, stride);
      multiplyBlock(
          rows, tokens, width, gradient + row * mergedRow, mergedRow, Layout::byRow, transposedValues, 1.0f, 0.0f,
          scoreGradients, stride);
      for (int64 i = 0; i < rows; ++i) {
        const int64 place = shape.merged(task) + (row + i) * mergedRow;
        const Vector rowSum = broadcast(dotRow(outputGradient + place, output + place, width));
        const Vector shift = broadcast(logSumExp[task * tokens + row + i]);
        float* p = probabilities + i * stride;
        float* g = scoreGradients + i * stride;
        for (int64 j = 0; j < tokens; j += lanes) {
          const Vector probability = exponential(load(p + j) - shift);
          store(p + j, probability);
          store(g + j, probability * (load(g + j) - rowSum) * shape.scale);
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
  parallelFor(call, shape.tasks(), [&](int64 task, int thread) {
    float* keys = static_cast<float*>(call.scratch(call, thread, (keysSize + block * stride) * 4));
    float* scores = keys + keysSize;
    packTransposedPanels(keys, qkv + shape.packed(task, 1), shape.packedRow(), width, tokens);
    const float* query = qkv + shape.packed(task, 0);
    for (int64 row = 0; row < tokens; row += block) {
      const int64 rows = minimum(block, tokens - row);
      multiplyBlock(
          rows, tokens, width, query + row * shape.packedRow(), shape.packedRow(), Layout::byRow, keys, shape.scale, 0.0f,
          scores, stride);
      for (int64 i = 0; i < rows; ++i) {
        float largest, sum;
        exponentiateRow(scores + i * stride, tokens, largest, sum);
        scaleRow(probabilities + (task * tokens + row + i) * tokens, scores + i * stride, tokens, 1.0f / sum);
      }
    }
  });
}

}  // namespace splitmask::SPLITMASK_SET
