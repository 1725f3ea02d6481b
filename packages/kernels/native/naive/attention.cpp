// Attention from packed qkv, a row of scores at a time: what the fast versions are tested against.
#include "../generated/attention.h"
#include "naive.h"
#include "roundedTo.h"

namespace splitmask::naive {

namespace {

struct Shape {
  int64 batch, tokens, heads, width;
  template <class Attention> explicit Shape(const Attention& call)
      : batch(call.batch), tokens(call.tokens), heads(call.heads), width(call.headWidth) {}
  // Offset of (sample, token, part 0 q | 1 k | 2 v, head) in qkv B×N×3×H×d.
  int64 packed(int64 sample, int64 token, int64 part, int64 head) const {
    return (((sample * tokens + token) * 3 + part) * heads + head) * width;
  }
  // Offset of (sample, token, head) in B×N×H×d.
  int64 merged(int64 sample, int64 token, int64 head) const {
    return ((sample * tokens + token) * heads + head) * width;
  }
};

// Of elements as they are multiplied.
template <class T> T dot(ProductPrecision precision, const T* a, const T* b, int64 size) {
  T sum = 0;
  for (int64 i = 0; i < size; ++i) sum += roundedTo(precision, a[i]) * roundedTo(precision, b[i]);
  return sum;
}

// What the exponentials of a row of scores are relative to, and their sum.
template <class T> struct Softmax {
  T largest, sum;
};

// exponentials[N] = e^(score − largest) over the keys, score = scale·q·kᵀ.
template <class T> Softmax<T> exponentialsOfRow(const Shape& shape, ProductPrecision precision, const T* qkv, T scale,
                                                int64 sample, int64 head, int64 row, T* exponentials) {
  const T* query = qkv + shape.packed(sample, row, 0, head);
  Softmax<T> softmax = {0, 0};
  for (int64 key = 0; key < shape.tokens; ++key) {
    const T score = scale * dot(precision, query, qkv + shape.packed(sample, key, 1, head), shape.width);
    exponentials[key] = score;
    if (key == 0 || score > softmax.largest) softmax.largest = score;
  }
  for (int64 key = 0; key < shape.tokens; ++key) {
    softmax.sum += exponentials[key] = std::exp(exponentials[key] - softmax.largest);
  }
  return softmax;
}

}  // namespace

template <class T> void attention(const Attention<T>& call) {
  const Shape shape(call);
  const T scale = static_cast<T>(call.scale);
  parallelFor(call, shape.batch * shape.heads, [&](int64 task, int thread) {
    const int64 sample = task / shape.heads, head = task % shape.heads;
    T* exponentials = static_cast<T*>(call.scratch(call, thread, shape.tokens * int64(sizeof(T))));
    for (int64 row = 0; row < shape.tokens; ++row) {
      const auto [largest, total] =
          exponentialsOfRow(shape, call.precision, call.qkv, scale, sample, head, row, exponentials);
      call.logSumExp[task * shape.tokens + row] = largest + std::log(total);
      T* line = call.output + shape.merged(sample, row, head);
      for (int64 i = 0; i < shape.width; ++i) {
        T sum = 0;
        for (int64 key = 0; key < shape.tokens; ++key) {
          sum += roundedTo(call.precision, exponentials[key]) *
                 roundedTo(call.precision, call.qkv[shape.packed(sample, key, 2, head) + i]);
        }
        line[i] = sum / total;
      }
    }
  });
}

// P = exp(scale·q·kᵀ − logSumExp); dV = PᵀdO, dP = dO·vᵀ, D = rowsum(P∘dP), dS = P∘(dP − D), dQ = scale·dS·k, dK =
// scale·dSᵀ·q.
template <class T> void attentionBackward(const AttentionBackward<T>& call) {
  const Shape shape(call);
  const T scale = static_cast<T>(call.scale);
  parallelFor(call, shape.batch * shape.heads, [&](int64 task, int thread) {
    const int64 sample = task / shape.heads, head = task % shape.heads;
    T* probabilities = static_cast<T*>(call.scratch(call, thread, 2 * shape.tokens * int64(sizeof(T))));
    T* products = probabilities + shape.tokens;
    for (int64 token = 0; token < shape.tokens; ++token) {
      for (int64 part = 0; part < 3; ++part) {
        T* line = call.qkvGradient + shape.packed(sample, token, part, head);
        for (int64 i = 0; i < shape.width; ++i) line[i] = 0;
      }
    }
    for (int64 row = 0; row < shape.tokens; ++row) {
      const T* query = call.qkv + shape.packed(sample, row, 0, head);
      const T* gradient = call.outputGradient + shape.merged(sample, row, head);
      T* queryGradient = call.qkvGradient + shape.packed(sample, row, 0, head);
      for (int64 key = 0; key < shape.tokens; ++key) {
        const T score = scale * dot(call.precision, query, call.qkv + shape.packed(sample, key, 1, head), shape.width);
        probabilities[key] = std::exp(score - call.logSumExp[task * shape.tokens + row]);
        products[key] = dot(call.precision, gradient, call.qkv + shape.packed(sample, key, 2, head), shape.width);
      }
      const T rowSum = dot(ProductPrecision::float32, probabilities, products, shape.tokens);
      for (int64 key = 0; key < shape.tokens; ++key) {
        const T* keyLine = call.qkv + shape.packed(sample, key, 1, head);
        const T scoreGradient = roundedTo(call.precision, probabilities[key] * (products[key] - rowSum));
        const T probability = roundedTo(call.precision, probabilities[key]);
        T* keyGradient = call.qkvGradient + shape.packed(sample, key, 1, head);
        T* valueGradient = call.qkvGradient + shape.packed(sample, key, 2, head);
        for (int64 i = 0; i < shape.width; ++i) {
          queryGradient[i] += scale * scoreGradient * roundedTo(call.precision, keyLine[i]);
          keyGradient[i] += scale * scoreGradient * roundedTo(call.precision, query[i]);
          valueGradient[i] += probability * roundedTo(call.precision, gradient[i]);
        }
      }
    }
  });
}

template <class T> void attentionProbabilities(const AttentionProbabilities<T>& call) {
  const Shape shape(call);
  const T scale = static_cast<T>(call.scale);
  parallelFor(call, shape.batch * shape.heads * shape.tokens, [&](int64 task, int) {
    const int64 row = task % shape.tokens, head = task / shape.tokens % shape.heads;
    const int64 sample = task / shape.tokens / shape.heads;
    T* probabilities = call.probabilities + task * shape.tokens;
    const T sum =
        exponentialsOfRow(shape, ProductPrecision::float32, call.qkv, scale, sample, head, row, probabilities).sum;
    for (int64 key = 0; key < shape.tokens; ++key) probabilities[key] /= sum;
  });
}

}  // namespace splitmask::naive

NAIVE_KERNEL(attention, Attention)
NAIVE_KERNEL(attentionBackward, AttentionBackward)
NAIVE_KERNEL(attentionProbabilities, AttentionProbabilities)
