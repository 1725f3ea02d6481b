// Optimisers over a list of parameters, and the norm of their gradients.
#include <cmath>

#include "naive.h"

namespace splitmask::naive {

namespace {

template <class T> T* eachBuffer(const Call& call, int64 item, int index) {
  return static_cast<T*>(call.eachBuffers[item * call.eachBufferStride + index]);
}
double eachNumber(const Call& call, int64 item, int index) { return call.eachNumbers[item * call.eachNumberStride + index]; }

template <class T> double sumOfSquares(const T* values, int64 size) {
  double sum = 0;
  for (int64 i = 0; i < size; ++i) sum += static_cast<double>(values[i]) * values[i];
  return sum;
}

// The direction of a step with momentum; a velocity of zeros starts it with the gradient.
template <class T> double withMomentum(double gradient, T* velocity, int64 i, double momentum, bool nesterov) {
  if (!velocity || momentum == 0) return gradient;
  const double v = momentum * velocity[i] + gradient;
  velocity[i] = static_cast<T>(v);
  return nesterov ? gradient + momentum * v : v;
}

}  // namespace

template <class T> void gradientNorm(const Call& call) {
  T* output = call.buffer<T>(0);
  const double maximum = call.number(0);
  double squares = 0;
  for (int64 item = 0; item < call.eachCount; ++item) {
    const T* gradient = eachBuffer<T>(call, item, 0);
    squares += sumOfSquares(gradient, static_cast<int64>(eachNumber(call, item, 0)));
  }
  const double norm = std::sqrt(squares), scale = maximum / (norm + 1e-6);
  output[0] = static_cast<T>(norm);
  output[1] = static_cast<T>(maximum == 0 || scale > 1 ? 1 : scale);  // a NaN norm gives NaN
}

template <class T> void adamW(const Call& call) {
  const T scale = call.buffers[0] ? call.buffer<T>(0)[0] : T(1);
  const double beta1 = call.number(0), beta2 = call.number(1), epsilon = call.number(2);
  for (int64 item = 0; item < call.eachCount; ++item) {
    T* parameter = eachBuffer<T>(call, item, 0);
    const T* gradient = eachBuffer<T>(call, item, 1);
    T* first = eachBuffer<T>(call, item, 2);
    T* second = eachBuffer<T>(call, item, 3);
    const int64 size = static_cast<int64>(eachNumber(call, item, 0));
    const double learningRate = eachNumber(call, item, 1), weightDecay = eachNumber(call, item, 2);
    const double step = eachNumber(call, item, 3);
    const double correction1 = 1 - std::pow(beta1, step), correction2 = std::sqrt(1 - std::pow(beta2, step));
    for (int64 i = 0; i < size; ++i) {
      const double g = static_cast<double>(gradient[i]) * scale;
      const double m = beta1 * first[i] + (1 - beta1) * g;
      const double v = beta2 * second[i] + (1 - beta2) * g * g;
      first[i] = static_cast<T>(m);
      second[i] = static_cast<T>(v);
      const double decayed = parameter[i] * (1 - learningRate * weightDecay);
      parameter[i] = static_cast<T>(decayed - learningRate / correction1 * m / (std::sqrt(v) / correction2 + epsilon));
    }
  }
}

template <class T> void sgd(const Call& call) {
  const T scale = call.buffers[0] ? call.buffer<T>(0)[0] : T(1);
  const double momentum = call.number(0);
  const bool nesterov = call.integer(1) != 0;
  for (int64 item = 0; item < call.eachCount; ++item) {
    T* parameter = eachBuffer<T>(call, item, 0);
    const T* gradient = eachBuffer<T>(call, item, 1);
    T* velocity = eachBuffer<T>(call, item, 2);
    const int64 size = static_cast<int64>(eachNumber(call, item, 0));
    const double learningRate = eachNumber(call, item, 1), weightDecay = eachNumber(call, item, 2);
    for (int64 i = 0; i < size; ++i) {
      const double g = static_cast<double>(gradient[i]) * scale + weightDecay * parameter[i];
      parameter[i] = static_cast<T>(parameter[i] - learningRate * withMomentum(g, velocity, i, momentum, nesterov));
    }
  }
}

template <class T> void lars(const Call& call) {
  const T scale = call.buffers[0] ? call.buffer<T>(0)[0] : T(1);
  const double momentum = call.number(0), trustCoefficient = call.number(2), epsilon = call.number(3);
  const bool nesterov = call.integer(1) != 0;
  for (int64 item = 0; item < call.eachCount; ++item) {
    T* parameter = eachBuffer<T>(call, item, 0);
    const T* gradient = eachBuffer<T>(call, item, 1);
    T* velocity = eachBuffer<T>(call, item, 2);
    const int64 size = static_cast<int64>(eachNumber(call, item, 0));
    const double learningRate = eachNumber(call, item, 1), weightDecay = eachNumber(call, item, 2);
    const double length = std::sqrt(sumOfSquares(parameter, size));
    const double slope = std::fabs(static_cast<double>(scale)) * std::sqrt(sumOfSquares(gradient, size));
    const bool adapts = eachNumber(call, item, 3) != 0 && length != 0 && slope != 0;
    const double ratio = adapts ? trustCoefficient * length / (slope + weightDecay * length + epsilon) : 1;
    for (int64 i = 0; i < size; ++i) {
      const double g = (static_cast<double>(gradient[i]) * scale + weightDecay * parameter[i]) * ratio;
      parameter[i] = static_cast<T>(parameter[i] - learningRate * withMomentum(g, velocity, i, momentum, nesterov));
    }
  }
}

template <class T> void clipGradients(const Call& call) {
  const double maximum = call.number(0);
  double squares = 0;
  for (int64 item = 0; item < call.eachCount; ++item) {
    T* gradient = eachBuffer<T>(call, item, 0);
    const int64 size = static_cast<int64>(eachNumber(call, item, 0));
    const double own = sumOfSquares(gradient, size), scale = maximum / (std::sqrt(own) + 1e-6);
    squares += own;
    if (maximum == 0 || scale >= 1) continue;  // a NaN norm goes on
    for (int64 i = 0; i < size; ++i) gradient[i] = static_cast<T>(gradient[i] * scale);
  }
  call.buffer<T>(0)[0] = static_cast<T>(std::sqrt(squares));
}

template <class T> void moveAverages(const Call& call) {
  const double weight = call.number(0);
  for (int64 item = 0; item < call.eachCount; ++item) {
    T* average = eachBuffer<T>(call, item, 0);
    const T* value = eachBuffer<T>(call, item, 1);
    const int64 size = static_cast<int64>(eachNumber(call, item, 0));
    for (int64 i = 0; i < size; ++i) {
      const double difference = static_cast<double>(value[i]) - average[i];
      average[i] = static_cast<T>(weight < 0.5 ? average[i] + weight * difference : value[i] - (1 - weight) * difference);
    }
  }
}

}  // namespace splitmask::naive

NAIVE_KERNEL(gradientNorm)
NAIVE_KERNEL(adamW)
NAIVE_KERNEL(sgd)
NAIVE_KERNEL(lars)
NAIVE_KERNEL(clipGradients)
NAIVE_KERNEL(moveAverages)
