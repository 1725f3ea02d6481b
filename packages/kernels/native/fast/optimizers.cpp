// Optimizers and the gradients' norm over a list of parameters: one set of tasks for the whole list, cut by size.
#include "../generated/optimizers.h"
#include "loops.h"

namespace splitmask::SPLITMASK_SET {

namespace {

int64 tasksOf(int64 size) { return (size + taskElements - 1) / taskElements; }

// body(task, index of the item, begin, end) over ranges of all items. starts: scratch memory for eachCount + 1 numbers.
template <class List, class Body> void overItems(const List& call, int64* starts, const Body& body) {
  starts[0] = 0;
  for (int64 item = 0; item < call.eachCount; ++item) starts[item + 1] = starts[item] + tasksOf(call.each(item).size);
  parallelFor(call, starts[call.eachCount], [&](int64 task, int) {
    int64 low = 0, high = call.eachCount;  // the last item that starts at or before the task
    while (high - low > 1) {
      const int64 middle = (low + high) / 2;
      (starts[middle] <= task ? low : high) = middle;
    }
    const int64 begin = (task - starts[low]) * taskElements;
    body(task, low, begin, minimum(call.each(low).size, begin + taskElements));
  });
}

template <class List> int64 tasksOfAll(const List& call) {
  int64 tasks = 0;
  for (int64 item = 0; item < call.eachCount; ++item) tasks += tasksOf(call.each(item).size);
  return tasks;
}

// Sums of squares of one buffer of every item, item by item in the order of the list; squares has room for one number a
// task.
template <class List, class Choose>
void sumsOfSquares(const List& call, const Choose& bufferOf, int64* starts, double* squares, double* sums) {
  overItems(call, starts, [&](int64 task, int64 index, int64 begin, int64 end) {
    squares[task] = sumOfSquares(bufferOf(call.each(index)) + begin, end - begin);
  });
  for (int64 item = 0; item < call.eachCount; ++item) {
    sums[item] = 0;
    for (int64 task = starts[item]; task < starts[item + 1]; ++task) sums[item] += squares[task];
  }
}

// The direction of a step with momentum; a velocity of zeros starts it with the gradient.
struct Momentum {
  Vector keep;
  bool nesterov;

  template <class Part>
  inline __attribute__((always_inline)) Vector direction(const Part& part, const Vector& g, float* velocity) const {
    if (!velocity) return g;
    const Vector v = fma(keep, part.read(velocity), g);
    part.write(velocity, v);
    return nesterov ? fma(keep, v, g) : v;
  }
};

}  // namespace

void gradientNorm(const GradientNorm<float>& call) {
  const int64 tasks = tasksOfAll(call);
  double* squares =
      static_cast<double*>(call.scratch(call, 0, (tasks + call.eachCount + 1) * static_cast<int64>(sizeof(double))));
  overItems(call, reinterpret_cast<int64*>(squares + tasks), [&](int64 task, int64 index, int64 begin, int64 end) {
    const auto item = call.each(index);
    squares[task] = sumOfSquares(item.gradient + begin, end - begin);
  });
  double sum = 0;
  for (int64 task = 0; task < tasks; ++task) sum += squares[task];
  const double norm = __builtin_sqrt(sum), scale = call.maximum / (norm + 1e-6);
  call.output[0] = static_cast<float>(norm);
  call.output[1] = static_cast<float>(call.maximum == 0 || scale > 1 ? 1 : scale);  // a NaN norm gives NaN
}

void adamW(const AdamW<float>& call) {
  const Vector scale = broadcast(call.scale ? call.scale[0] : 1.0f);
  const Vector keep1 = broadcast(static_cast<float>(call.beta1)), take1 = broadcast(static_cast<float>(1 - call.beta1));
  const Vector keep2 = broadcast(static_cast<float>(call.beta2)), take2 = broadcast(static_cast<float>(1 - call.beta2));
  const Vector epsilon = broadcast(static_cast<float>(call.epsilon));
  int64* starts = static_cast<int64*>(call.scratch(call, 0, (call.eachCount + 1) * static_cast<int64>(sizeof(int64))));
  overItems(call, starts, [&](int64, int64 index, int64 begin, int64 end) {
    const auto item = call.each(index);
    const double correction1 = 1 - __builtin_pow(call.beta1, item.step);
    const double correction2 = 1 / __builtin_sqrt(1 - __builtin_pow(call.beta2, item.step));
    const Vector rootScale = broadcast(static_cast<float>(correction2));
    const Vector decay = broadcast(static_cast<float>(1 - item.learningRate * item.weightDecay));
    const Vector rate = broadcast(static_cast<float>(-item.learningRate / correction1));
    overVectors(begin, end, [&](int64 i, auto part) {
      const Vector g = part.read(item.gradient + i) * scale;
      const Vector m = fma(keep1, part.read(item.firstMoment + i), take1 * g);
      const Vector v = fma(keep2, part.read(item.secondMoment + i), take2 * g * g);
      part.write(item.firstMoment + i, m);
      part.write(item.secondMoment + i, v);
      const Vector update = m / fma(squareRoot(v), rootScale, epsilon);
      part.write(item.parameter + i, fma(rate, update, part.read(item.parameter + i) * decay));
    });
  });
}

void sgd(const Sgd<float>& call) {
  const float given = call.scale ? call.scale[0] : 1.0f;
  const Vector scale = broadcast(given);
  const Momentum motion{broadcast(static_cast<float>(call.momentum)), call.nesterov != 0};
  const int64 tasks = tasksOfAll(call), count = call.eachCount;
  double* squares =
      static_cast<double*>(call.scratch(call, 0, (tasks + 3 * count + 1) * static_cast<int64>(sizeof(double))));
  double *lengths = squares + tasks, *slopes = lengths + count;
  int64* starts = reinterpret_cast<int64*>(slopes + count);
  bool adapts = false;
  for (int64 index = 0; index < count; ++index) adapts |= call.each(index).adapt != 0;
  if (adapts) {
    sumsOfSquares(call, [](const auto& item) { return item.parameter; }, starts, squares, lengths);
    sumsOfSquares(call, [](const auto& item) { return item.gradient; }, starts, squares, slopes);
  }
  const auto ratioOf = [&](const Sgd<float>::Item& item, int64 index) {
    if (!item.adapt) return 1.0;
    const double length = __builtin_sqrt(lengths[index]);
    const double slope = __builtin_fabs(static_cast<double>(given)) * __builtin_sqrt(slopes[index]);
    if (length == 0 || slope == 0) return 1.0;
    return call.trustCoefficient * length / (slope + item.weightDecay * length + call.epsilon);
  };
  overItems(call, starts, [&](int64, int64 index, int64 begin, int64 end) {
    const auto item = call.each(index);
    float* velocity = call.momentum != 0 ? item.momentumBuffer : nullptr;
    const Vector ratio = broadcast(static_cast<float>(ratioOf(item, index)));
    const Vector rate = broadcast(static_cast<float>(-item.learningRate));
    const Vector decay = broadcast(static_cast<float>(item.weightDecay));
    overVectors(begin, end, [&](int64 i, auto part) {
      const Vector value = part.read(item.parameter + i);
      const Vector g = fma(decay, value, part.read(item.gradient + i) * scale) * ratio;
      part.write(item.parameter + i, fma(rate, motion.direction(part, g, velocity ? velocity + i : nullptr), value));
    });
  });
}

void clipGradients(const ClipGradients<float>& call) {
  const int64 tasks = tasksOfAll(call), count = call.eachCount;
  double* squares =
      static_cast<double*>(call.scratch(call, 0, (tasks + 2 * count + 1) * static_cast<int64>(sizeof(double))));
  double* sums = squares + tasks;
  int64* starts = reinterpret_cast<int64*>(sums + count);
  sumsOfSquares(call, [](const auto& item) { return item.gradient; }, starts, squares, sums);
  double sum = 0;
  for (int64 item = 0; item < count; ++item) sum += sums[item];
  call.output[0] = static_cast<float>(__builtin_sqrt(sum));
  overItems(call, starts, [&](int64, int64 index, int64 begin, int64 end) {
    const auto item = call.each(index);
    const double factor = call.maximum / (__builtin_sqrt(sums[index]) + 1e-6);
    if (call.maximum == 0 || factor >= 1) return;  // a NaN norm goes on
    const Vector scale = broadcast(static_cast<float>(factor));
    overVectors(begin, end,
                [&](int64 i, auto part) { part.write(item.gradient + i, part.read(item.gradient + i) * scale); });
  });
}

void moveAverages(const MoveAverages<float>& call) {
  const bool small = call.weight < 0.5;
  const Vector share = broadcast(static_cast<float>(small ? call.weight : call.weight - 1));
  int64* starts = static_cast<int64*>(call.scratch(call, 0, (call.eachCount + 1) * static_cast<int64>(sizeof(int64))));
  overItems(call, starts, [&](int64, int64 index, int64 begin, int64 end) {
    const auto item = call.each(index);
    overVectors(begin, end, [&](int64 i, auto part) {
      const Vector old = part.read(item.average + i), value = part.read(item.value + i);
      part.write(item.average + i, fma(share, value - old, small ? old : value));
    });
  });
}

}  // namespace splitmask::SPLITMASK_SET
