// k-means at millions of points: sums by segment, k-means++ seeding, centroid update. Tasks are ranges of columns, points or segments, so that
// results do not depend on the thread count.
#include "../parallel.h"
#include "../philox.h"
#include "../vector.h"

namespace splitmask::SPLITMASK_SET {

namespace {

float squaredDistance(const float* a, const float* b, int64 width) {
  Vector sums[4] = {};
  int64 column = 0;
  for (; column + 4 * lanes <= width; column += 4 * lanes) {
    for (int part = 0; part < 4; ++part) {
      const Vector difference = load(a + column + part * lanes) - load(b + column + part * lanes);
      sums[part] = fma(difference, difference, sums[part]);
    }
  }
  for (; column + lanes <= width; column += lanes) {
    const Vector difference = load(a + column) - load(b + column);
    sums[0] = fma(difference, difference, sums[0]);
  }
  float sum = horizontalSum((sums[0] + sums[1]) + (sums[2] + sums[3]));
  for (; column < width; ++column) sum += (a[column] - b[column]) * (a[column] - b[column]);
  return sum;
}

constexpr int64 columnsPerTask = 16;  // one cache line of a point
constexpr int64 pointsPerTask = 512;
constexpr int64 segmentsPerTask = 64;

inline int64 tasksOf(int64 size, int64 perTask) { return (size + perTask - 1) / perTask; }

}  // namespace

void segmentSums(const Call& call) {
  float* sums = call.buffer<float>(0);
  float* counts = call.buffer<float>(1);
  const float* points = call.buffer<float>(2);
  const int* assignments = call.buffer<int>(3);
  const int64 count = call.integer(0), width = call.integer(1), segments = call.integer(2);
  const bool accumulate = call.integer(3) != 0;
  // float64 sums: a segment may own millions of points. Each thread has one slice, segments × columnsPerTask.
  const int64 slice = segments * columnsPerTask;
  const int threads = call.parallel->threads;
  auto* memory = static_cast<double*>(call.scratch(call, 0, slice * threads * static_cast<int64>(sizeof(double))));
  const int64 columnTasks = tasksOf(width, columnsPerTask);
  // Task 0 counts and looks at the indices; task 1 + i sums columns 16·i … 16·i + 15 of all points, in their order.
  parallelFor(call, columnTasks + 1, [&](int64 task, int thread) {
    double* totals = memory + thread * slice;
    if (task == 0) {
      for (int64 segment = 0; segment < segments; ++segment) totals[segment] = 0;
      for (int64 point = 0; point < count; ++point) {
        const int64 segment = assignments[point];
        if (segment < 0 || segment >= segments) {
          call.fail(call,
                    "assignment {given} is not a segment: it must be at least 0 and less than {expected} "
                    "(-1: a point with a NaN)",
                    static_cast<double>(segment), static_cast<double>(segments));
          return;
        }
        totals[segment] += 1;
      }
      for (int64 segment = 0; segment < segments; ++segment)
        counts[segment] = static_cast<float>(totals[segment] + (accumulate ? static_cast<double>(counts[segment]) : 0.0));
      return;
    }
    const int64 from = (task - 1) * columnsPerTask;
    const int64 here = width - from < columnsPerTask ? width - from : columnsPerTask;
    for (int64 index = 0; index < slice; ++index) totals[index] = 0;
    for (int64 point = 0; point < count; ++point) {
      __builtin_prefetch(points + (point + 16) * width + from);
      const int64 segment = assignments[point];
      if (segment < 0 || segment >= segments) return;  // task 0 reports it
      double* total = totals + segment * columnsPerTask;
      const float* values = points + point * width + from;
      if (here == columnsPerTask)
        for (int64 column = 0; column < columnsPerTask; ++column) total[column] += static_cast<double>(values[column]);
      else
        for (int64 column = 0; column < here; ++column) total[column] += static_cast<double>(values[column]);
    }
    for (int64 segment = 0; segment < segments; ++segment) {
      for (int64 column = 0; column < here; ++column) {
        float& sum = sums[segment * width + from + column];
        sum = static_cast<float>(totals[segment * columnsPerTask + column] + (accumulate ? static_cast<double>(sum) : 0.0));
      }
    }
  });
}

void kMeansSeed(const Call& call) {
  float* centroids = call.buffer<float>(0);
  float* distances = call.buffer<float>(1);
  const float* points = call.buffer<float>(2);
  const int64 count = call.integer(0), width = call.integer(1), from = call.integer(2), to = call.integer(3);
  if (count <= 0) {
    if (to > from)
      call.fail(call, "there are {given} points to choose {expected} centroids from; give at least one", 0, static_cast<double>(to));
    return;
  }
  const int64 tasks = tasksOf(count, pointsPerTask);
  auto* taskSums = static_cast<double*>(call.scratch(call, 0, tasks * static_cast<int64>(sizeof(double))));
  if (from > 0) {
    parallelFor(call, tasks, [&](int64 task, int) {
      const int64 end = (task + 1) * pointsPerTask < count ? (task + 1) * pointsPerTask : count;
      double sum = 0;
      for (int64 point = task * pointsPerTask; point < end; ++point) sum += static_cast<double>(distances[point]);
      taskSums[task] = sum;
    });
  }
  for (int64 centroid = from; centroid < to; ++centroid) {
    const RandomKey key{static_cast<uint64>(call.integer(4)), static_cast<uint32>(call.integer(5)), 0, static_cast<uint32>(centroid)};
    const PhiloxWords random = key.words(0);
    const double uniform = random.word[0] * 0x1p-32 + random.word[1] * 0x1p-64;
    double total = 0;
    if (centroid > 0)
      for (int64 task = 0; task < tasks; ++task) total += taskSums[task];
    int64 chosen = static_cast<int64>(uniform * static_cast<double>(count));
    if (chosen > count - 1) chosen = count - 1;
    // No distance left (fewer different points than centroids): any point will do.
    if (centroid > 0 && total > 0) {
      const double target = uniform * total;
      double before = 0;
      int64 task = 0, last = 0;
      for (; task < tasks; ++task) {
        if (!(taskSums[task] > 0)) continue;
        last = task;
        if (before + taskSums[task] > target) break;
        before += taskSums[task];
      }
      if (task == tasks) before -= taskSums[last];  // rounding left the target behind the last point
      const int64 end = (last + 1) * pointsPerTask < count ? (last + 1) * pointsPerTask : count;
      double sum = before;
      for (int64 point = last * pointsPerTask; point < end; ++point) {
        const double distance = static_cast<double>(distances[point]);
        if (!(distance > 0)) continue;
        sum += distance;
        chosen = point;
        if (sum > target) break;
      }
    }
    const float* source = points + chosen * width;
    float* place = centroids + centroid * width;
    for (int64 column = 0; column < width; ++column) place[column] = source[column];
    parallelFor(call, tasks, [&](int64 task, int) {
      const int64 end = (task + 1) * pointsPerTask < count ? (task + 1) * pointsPerTask : count;
      double sum = 0;
      for (int64 point = task * pointsPerTask; point < end; ++point) {
        const float distance = squaredDistance(points + point * width, place, width);
        if (centroid == 0 || distance < distances[point]) distances[point] = distance;
        sum += static_cast<double>(distances[point]);
      }
      taskSums[task] = sum;
    });
  }
}

void kMeansUpdate(const Call& call) {
  float* centroids = call.buffer<float>(0);
  float* shift = call.buffer<float>(1);
  const float* sums = call.buffer<float>(2);
  const float* counts = call.buffer<float>(3);
  const int64 segments = call.integer(0), width = call.integer(1);
  const int64 tasks = tasksOf(segments, segmentsPerTask);
  auto* moves = static_cast<float*>(call.scratch(call, 0, (tasks + 1) * static_cast<int64>(sizeof(float))));
  parallelFor(call, tasks, [&](int64 task, int) {
    const int64 end = (task + 1) * segmentsPerTask < segments ? (task + 1) * segmentsPerTask : segments;
    float largest = 0;
    for (int64 segment = task * segmentsPerTask; segment < end; ++segment) {
      if (!(counts[segment] > 0)) continue;
      float* centroid = centroids + segment * width;
      const float* sum = sums + segment * width;
      const float member = counts[segment];
      float move = 0;
      for (int64 column = 0; column < width; ++column) {
        const float mean = sum[column] / member;
        move += (mean - centroid[column]) * (mean - centroid[column]);
        centroid[column] = mean;
      }
      if (!(move <= largest)) largest = move;
    }
    moves[task] = largest;
  });
  float largest = 0;
  for (int64 task = 0; task < tasks; ++task)
    if (!(moves[task] <= largest)) largest = moves[task];
  shift[0] = largest;
}

}  // namespace splitmask::SPLITMASK_SET
