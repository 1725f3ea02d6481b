// Optimizers over a list of parameters, and the norm of their gradients.
#include <cmath>

#include "../generated/optimizers.h"
#include "naive.h"

namespace splitmask::naive {

namespace {

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

template <class T> void gradientNorm(const GradientNorm<T>& call) {
  double squares = 0;
  for (int64 index = 0; index < call.eachCount; ++index) {
    const auto item = call.each(index);
    squares += sumOfSquares(item.gradient, item.size);
  }
  const double norm = std::sqrt(squares), scale = call.maximum / (norm + 1e-6);
  call.output[0] = static_cast<T>(norm);
  call.output[1] = static_cast<T>(call.maximum == 0 || scale > 1 ? 1 : scale);  // a NaN norm gives NaN
}

template <class T> void adamW(const AdamW<T>& call) {
  const T scale = call.scale ? call.scale[0] : T(1);
  for (int64 index = 0; index < call.eachCount; ++index) {
    const auto item = call.each(index);
    const double correction1 = 1 - std::pow(call.beta1, item.step),
                 correction2 = std::sqrt(1 - std::pow(call.beta2, item.step));
    for (int64 i = 0; i < item.size; ++i) {
      const double g = static_cast<double>(item.gradient[i]) * scale;
      const double m = call.beta1 * item.firstMoment[i] + (1 - call.beta1) * g;
      const double v = call.beta2 * item.secondMoment[i] + (1 - call.beta2) * g * g;
      item.firstMoment[i] = static_cast<T>(m);
      item.secondMoment[i] = static_cast<T>(v);
      const double decayed = item.parameter[i] * (1 - item.learningRate * item.weightDecay);
      item.parameter[i] =
          static_cast<T>(decayed - item.learningRate / correction1 * m / (std::sqrt(v) / correction2 + call.epsilon));
    }
  }
}

template <class T> void sgd(const Sgd<T>& call) {
  const T scale = call.scale ? call.scale[0] : T(1);
  for (int64 index = 0; index < call.eachCount; ++index) {
    const auto item = call.each(index);
    const double length = item.adapt ? std::sqrt(sumOfSquares(item.parameter, item.size)) : 0;
    const double slope =
        item.adapt ? std::fabs(static_cast<double>(scale)) * std::sqrt(sumOfSquares(item.gradient, item.size)) : 0;
    const bool adapts = item.adapt && length != 0 && slope != 0;
    const double ratio =
        adapts ? call.trustCoefficient * length / (slope + item.weightDecay * length + call.epsilon) : 1;
    for (int64 i = 0; i < item.size; ++i) {
      const double g = (static_cast<double>(item.gradient[i]) * scale + item.weightDecay * item.parameter[i]) * ratio;
      const double step = withMomentum(g, item.momentumBuffer, i, call.momentum, call.nesterov);
      item.parameter[i] = static_cast<T>(item.parameter[i] - item.learningRate * step);
    }
  }
}

template <class T> void clipGradients(const ClipGradients<T>& call) {
  double squares = 0;
  for (int64 index = 0; index < call.eachCount; ++index) {
    const auto item = call.each(index);
    const double own = sumOfSquares(item.gradient, item.size), scale = call.maximum / (std::sqrt(own) + 1e-6);
    squares += own;
    if (call.maximum == 0 || scale >= 1) continue;  // a NaN norm goes on
    for (int64 i = 0; i < item.size; ++i) item.gradient[i] = static_cast<T>(item.gradient[i] * scale);
  }
  call.output[0] = static_cast<T>(std::sqrt(squares));
}

template <class T> void moveAverages(const MoveAverages<T>& call) {
  for (int64 index = 0; index < call.eachCount; ++index) {
    const auto item = call.each(index);
    for (int64 i = 0; i < item.size; ++i) {
      const double difference = static_cast<double>(item.value[i]) - item.average[i];
      item.average[i] = static_cast<T>(call.weight < 0.5 ? item.average[i] + call.weight * difference
                                                         : item.value[i] - (1 - call.weight) * difference);
    }
  }
}

}  // namespace splitmask::naive

NAIVE_KERNEL(gradientNorm, GradientNorm)
NAIVE_KERNEL(adamW, AdamW)
NAIVE_KERNEL(sgd, Sgd)
NAIVE_KERNEL(clipGradients, ClipGradients)
NAIVE_KERNEL(moveAverages, MoveAverages)
