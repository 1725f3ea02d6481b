// Optimisers and the gradients' norm over a list of parameters: one set of tasks for the whole list, cut by size.
#include "loops.h"

namespace splitmask::SPLITMASK_SET {

namespace {

float* eachBuffer(const Call& call, int64 item, int index) {
  return static_cast<float*>(call.eachBuffers[item * call.eachBufferStride + index]);
}
double eachNumber(const Call& call, int64 item, int index) { return call.eachNumbers[item * call.eachNumberStride + index]; }
int64 sizeOf(const Call& call, int64 item) { return static_cast<int64>(eachNumber(call, item, 0)); }
int64 tasksOf(int64 size) { return (size + taskElements - 1) / taskElements; }

// body(task, item, begin, end) over ranges of all items. starts: scratch memory for eachCount + 1 numbers.
template <class Body> void overItems(const Call& call, int64* starts, const Body& body) {
  starts[0] = 0;
  for (int64 item = 0; item < call.eachCount; ++item) starts[item + 1] = starts[item] + tasksOf(sizeOf(call, item));
  parallelFor(call, starts[call.eachCount], [&](int64 task, int) {
    int64 low = 0, high = call.eachCount;  // the last item that starts at or before the task
    while (high - low > 1) {
      const int64 middle = (low + high) / 2;
      (starts[middle] <= task ? low : high) = middle;
    }
    const int64 begin = (task - starts[low]) * taskElements;
    body(task, low, begin, minimum(sizeOf(call, low), begin + taskElements));
  });
}

int64 tasksOfAll(const Call& call) {
  int64 tasks = 0;
  for (int64 item = 0; item < call.eachCount; ++item) tasks += tasksOf(sizeOf(call, item));
  return tasks;
}

// Sums of squares of buffer `index` of every item, item by item in the order of the list; squares has room for one number a task.
void sumsOfSquares(const Call& call, int index, int64* starts, double* squares, double* sums) {
  overItems(call, starts, [&](int64 task, int64 item, int64 begin, int64 end) {
    squares[task] = sumOfSquares(eachBuffer(call, item, index) + begin, end - begin);
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

  template <class Part> inline __attribute__((always_inline)) Vector direction(const Part& part, const Vector& g, float* velocity) const {
    if (!velocity) return g;
    const Vector v = fma(keep, part.read(velocity), g);
    part.write(velocity, v);
    return nesterov ? fma(keep, v, g) : v;
  }
};

}  // namespace

void gradientNorm(const Call& call) {
  float* output = call.buffer<float>(0);
  const double maximum = call.number(0);
  const int64 tasks = tasksOfAll(call);
  double* squares = static_cast<double*>(call.scratch(call, 0, (tasks + call.eachCount + 1) * static_cast<int64>(sizeof(double))));
  overItems(call, reinterpret_cast<int64*>(squares + tasks), [&](int64 task, int64 item, int64 begin, int64 end) {
    squares[task] = sumOfSquares(eachBuffer(call, item, 0) + begin, end - begin);
  });
  double sum = 0;
  for (int64 task = 0; task < tasks; ++task) sum += squares[task];
  const double norm = __builtin_sqrt(sum), scale = maximum / (norm + 1e-6);
  output[0] = static_cast<float>(norm);
  output[1] = static_cast<float>(maximum == 0 || scale > 1 ? 1 : scale);  // a NaN norm gives NaN
}

void adamW(const Call& call) {
  const Vector scale = broadcast(call.buffers[0] ? call.buffer<float>(0)[0] : 1.0f);
  const double beta1 = call.number(0), beta2 = call.number(1);
  const Vector keep1 = broadcast(static_cast<float>(beta1)), take1 = broadcast(static_cast<float>(1 - beta1));
  const Vector keep2 = broadcast(static_cast<float>(beta2)), take2 = broadcast(static_cast<float>(1 - beta2));
  const Vector epsilon = broadcast(static_cast<float>(call.number(2)));
  int64* starts = static_cast<int64*>(call.scratch(call, 0, (call.eachCount + 1) * static_cast<int64>(sizeof(int64))));
  overItems(call, starts, [&](int64, int64 item, int64 begin, int64 end) {
    float* parameter = eachBuffer(call, item, 0);
    const float* gradient = eachBuffer(call, item, 1);
    float* first = eachBuffer(call, item, 2);
    float* second = eachBuffer(call, item, 3);
    const double learningRate = eachNumber(call, item, 1), weightDecay = eachNumber(call, item, 2);
    const double step = eachNumber(call, item, 3);
    const double correction1 = 1 - __builtin_pow(beta1, step);
    const double correction2 = 1 / __builtin_sqrt(1 - __builtin_pow(beta2, step));
    const Vector rootScale = broadcast(static_cast<float>(correction2));
    const Vector decay = broadcast(static_cast<float>(1 - learningRate * weightDecay));
    const Vector rate = broadcast(static_cast<float>(-learningRate / correction1));
    overVectors(begin, end, [&](int64 i, auto part) {
      const Vector g = part.read(gradient + i) * scale;
      const Vector m = fma(keep1, part.read(first + i), take1 * g);
      const Vector v = fma(keep2, part.read(second + i), take2 * g * g);
      part.write(first + i, m);
      part.write(second + i, v);
      const Vector update = m / fma(squareRoot(v), rootScale, epsilon);
      part.write(parameter + i, fma(rate, update, part.read(parameter + i) * decay));
    });
  });
}

void sgd(const Call& call) {
  const Vector scale = broadcast(call.buffers[0] ? call.buffer<float>(0)[0] : 1.0f);
  const double momentum = call.number(0);
  const Momentum motion{broadcast(static_cast<float>(momentum)), call.integer(1) != 0};
  int64* taskStarts = static_cast<int64*>(call.scratch(call, 0, (call.eachCount + 1) * static_cast<int64>(sizeof(int64))));
  overItems(call, taskStarts, [&](int64, int64 item, int64 begin, int64 end) {
    float* parameter = eachBuffer(call, item, 0);
    const float* gradient = eachBuffer(call, item, 1);
    float* velocity = momentum != 0 ? eachBuffer(call, item, 2) : nullptr;
    const Vector rate = broadcast(static_cast<float>(-eachNumber(call, item, 1))), decay = broadcast(static_cast<float>(eachNumber(call, item, 2)));
    overVectors(begin, end, [&](int64 i, auto part) {
      const Vector value = part.read(parameter + i);
      const Vector g = fma(decay, value, part.read(gradient + i) * scale);
      part.write(parameter + i, fma(rate, motion.direction(part, g, velocity ? velocity + i : nullptr), value));
    });
  });
}

void lars(const Call& call) {
  const float given = call.buffers[0] ? call.buffer<float>(0)[0] : 1.0f;
  const Vector scale = broadcast(given);
  const double momentum = call.number(0), trustCoefficient = call.number(2), epsilon = call.number(3);
  const Momentum motion{broadcast(static_cast<float>(momentum)), call.integer(1) != 0};
  const int64 tasks = tasksOfAll(call), count = call.eachCount;
  double* squares = static_cast<double*>(call.scratch(call, 0, (tasks + 3 * count + 1) * static_cast<int64>(sizeof(double))));
  double *lengths = squares + tasks, *slopes = lengths + count;
  int64* starts = reinterpret_cast<int64*>(slopes + count);
  sumsOfSquares(call, 0, starts, squares, lengths);
  sumsOfSquares(call, 1, starts, squares, slopes);
  overItems(call, starts, [&](int64, int64 item, int64 begin, int64 end) {
    float* parameter = eachBuffer(call, item, 0);
    const float* gradient = eachBuffer(call, item, 1);
    float* velocity = momentum != 0 ? eachBuffer(call, item, 2) : nullptr;
    const double weightDecay = eachNumber(call, item, 2), length = __builtin_sqrt(lengths[item]);
    const double slope = __builtin_fabs(static_cast<double>(given)) * __builtin_sqrt(slopes[item]);
    const bool adapts = eachNumber(call, item, 3) != 0 && length != 0 && slope != 0;
    const Vector ratio = broadcast(static_cast<float>(adapts ? trustCoefficient * length / (slope + weightDecay * length + epsilon) : 1));
    const Vector rate = broadcast(static_cast<float>(-eachNumber(call, item, 1))), decay = broadcast(static_cast<float>(weightDecay));
    overVectors(begin, end, [&](int64 i, auto part) {
      const Vector value = part.read(parameter + i);
      const Vector g = fma(decay, value, part.read(gradient + i) * scale) * ratio;
      part.write(parameter + i, fma(rate, motion.direction(part, g, velocity ? velocity + i : nullptr), value));
    });
  });
}

void clipGradients(const Call& call) {
  const double maximum = call.number(0);
  const int64 tasks = tasksOfAll(call), count = call.eachCount;
  double* squares = static_cast<double*>(call.scratch(call, 0, (tasks + 2 * count + 1) * static_cast<int64>(sizeof(double))));
  double* sums = squares + tasks;
  int64* starts = reinterpret_cast<int64*>(sums + count);
  sumsOfSquares(call, 0, starts, squares, sums);
  double sum = 0;
  for (int64 item = 0; item < count; ++item) sum += sums[item];
  call.buffer<float>(0)[0] = static_cast<float>(__builtin_sqrt(sum));
  overItems(call, starts, [&](int64, int64 item, int64 begin, int64 end) {
    const double factor = maximum / (__builtin_sqrt(sums[item]) + 1e-6);
    if (maximum == 0 || factor >= 1) return;  // a NaN norm goes on
    float* gradient = eachBuffer(call, item, 0);
    const Vector scale = broadcast(static_cast<float>(factor));
    overVectors(begin, end, [&](int64 i, auto part) { part.write(gradient + i, part.read(gradient + i) * scale); });
  });
}

void moveAverages(const Call& call) {
  const double weight = call.number(0);
  const bool small = weight < 0.5;
  const Vector share = broadcast(static_cast<float>(small ? weight : weight - 1));
  int64* starts = static_cast<int64*>(call.scratch(call, 0, (call.eachCount + 1) * static_cast<int64>(sizeof(int64))));
  overItems(call, starts, [&](int64, int64 item, int64 begin, int64 end) {
    float* average = eachBuffer(call, item, 0);
    const float* values = eachBuffer(call, item, 1);
    overVectors(begin, end, [&](int64 i, auto part) {
      const Vector old = part.read(average + i), value = part.read(values + i);
      part.write(average + i, fma(share, value - old, small ? old : value));
    });
  });
}

}  // namespace splitmask::SPLITMASK_SET
