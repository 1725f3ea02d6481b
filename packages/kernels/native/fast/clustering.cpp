// k-means at millions of points: sums by segment, k-means++ seeding, centroid update. Tasks are ranges of columns,
// points or segments, so that results do not depend on the thread count.
#include "../generated/clustering.h"
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

void segmentSums(const SegmentSums<float>& call) {
  // float64 sums: a segment may own millions of points. Each thread has one slice, segments × columnsPerTask.
  const int64 slice = call.segments * columnsPerTask;
  const int threads = call.parallel->threads;
  auto* memory = static_cast<double*>(call.scratch(call, 0, slice * threads * static_cast<int64>(sizeof(double))));
  const int64 columnTasks = tasksOf(call.width, columnsPerTask);
  // Task 0 counts and looks at the indices; task 1 + i sums columns 16·i … 16·i + 15 of all points, in their order.
  parallelFor(call, columnTasks + 1, [&](int64 task, int thread) {
    double* totals = memory + thread * slice;
    if (task == 0) {
      for (int64 segment = 0; segment < call.segments; ++segment) totals[segment] = 0;
      for (int64 point = 0; point < call.points; ++point) {
        const int64 segment = call.assignments[point];
        if (segment < 0 || segment >= call.segments) {
          call.fail(call,
                    "assignment {given} is not a segment: it must be at least 0 and less than {expected} "
                    "(-1: a point with a NaN)",
                    static_cast<double>(segment), static_cast<double>(call.segments));
          return;
        }
        totals[segment] += 1;
      }
      for (int64 segment = 0; segment < call.segments; ++segment)
        call.counts[segment] =
            static_cast<float>(totals[segment] + (call.accumulate ? static_cast<double>(call.counts[segment]) : 0.0));
      return;
    }
    const int64 width = call.width, segments = call.segments, from = (task - 1) * columnsPerTask;
    const int64 here = width - from < columnsPerTask ? width - from : columnsPerTask;
    const int* assignments = call.assignments;
    const float* points = call.pointsArray + from;
    for (int64 index = 0; index < slice; ++index) totals[index] = 0;
    for (int64 point = 0; point < call.points; ++point) {
      __builtin_prefetch(points + (point + 16) * width);
      const int64 segment = assignments[point];
      if (segment < 0 || segment >= segments) return;  // task 0 reports it
      double* total = totals + segment * columnsPerTask;
      const float* values = points + point * width;
      if (here == columnsPerTask)
        for (int64 column = 0; column < columnsPerTask; ++column) total[column] += static_cast<double>(values[column]);
      else
        for (int64 column = 0; column < here; ++column) total[column] += static_cast<double>(values[column]);
    }
    for (int64 segment = 0; segment < call.segments; ++segment) {
      for (int64 column = 0; column < here; ++column) {
        float& sum = call.sums[segment * call.width + from + column];
        sum = static_cast<float>(totals[segment * columnsPerTask + column] +
                                 (call.accumulate ? static_cast<double>(sum) : 0.0));
      }
    }
  });
}

void kMeansSeed(const KMeansSeed<float>& call) {
  if (call.points <= 0) {
    if (call.to > call.from)
      call.fail(call, "there are {given} points to choose {expected} centroids from; give at least one", 0,
                static_cast<double>(call.to));
    return;
  }
  const int64 tasks = tasksOf(call.points, pointsPerTask);
  auto* taskSums = static_cast<double*>(call.scratch(call, 0, tasks * static_cast<int64>(sizeof(double))));
  if (call.from > 0) {
    parallelFor(call, tasks, [&](int64 task, int) {
      const int64 end = (task + 1) * pointsPerTask < call.points ? (task + 1) * pointsPerTask : call.points;
      double sum = 0;
      for (int64 point = task * pointsPerTask; point < end; ++point) sum += static_cast<double>(call.distances[point]);
      taskSums[task] = sum;
    });
  }
  for (int64 centroid = call.from; centroid < call.to; ++centroid) {
    const RandomKey key{static_cast<uint64>(call.seed), static_cast<uint32>(call.purpose), 0,
                        static_cast<uint32>(centroid)};
    const PhiloxWords random = key.words(0);
    const double uniform = random.word[0] * 0x1p-32 + random.word[1] * 0x1p-64;
    double total = 0;
    if (centroid > 0)
      for (int64 task = 0; task < tasks; ++task) total += taskSums[task];
    int64 chosen = static_cast<int64>(uniform * static_cast<double>(call.points));
    if (chosen > call.points - 1) chosen = call.points - 1;
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
      const int64 end = (last + 1) * pointsPerTask < call.points ? (last + 1) * pointsPerTask : call.points;
      double sum = before;
      for (int64 point = last * pointsPerTask; point < end; ++point) {
        const double distance = static_cast<double>(call.distances[point]);
        if (!(distance > 0)) continue;
        sum += distance;
        chosen = point;
        if (sum > target) break;
      }
    }
    const float* source = call.pointsArray + chosen * call.width;
    float* place = call.centroids + centroid * call.width;
    for (int64 column = 0; column < call.width; ++column) place[column] = source[column];
    parallelFor(call, tasks, [&](int64 task, int) {
      const int64 end = (task + 1) * pointsPerTask < call.points ? (task + 1) * pointsPerTask : call.points;
      double sum = 0;
      for (int64 point = task * pointsPerTask; point < end; ++point) {
        const float distance = squaredDistance(call.pointsArray + point * call.width, place, call.width);
        if (centroid == 0 || distance < call.distances[point]) call.distances[point] = distance;
        sum += static_cast<double>(call.distances[point]);
      }
      taskSums[task] = sum;
    });
  }
}

void kMeansUpdate(const KMeansUpdate<float>& call) {
  const int64 tasks = tasksOf(call.segments, segmentsPerTask);
  auto* moves = static_cast<float*>(call.scratch(call, 0, (tasks + 1) * static_cast<int64>(sizeof(float))));
  parallelFor(call, tasks, [&](int64 task, int) {
    const int64 end = (task + 1) * segmentsPerTask < call.segments ? (task + 1) * segmentsPerTask : call.segments;
    float largest = 0;
    for (int64 segment = task * segmentsPerTask; segment < end; ++segment) {
      if (!(call.counts[segment] > 0)) continue;
      float* centroid = call.centroids + segment * call.width;
      const float* sum = call.sums + segment * call.width;
      const float member = call.counts[segment];
      float move = 0;
      for (int64 column = 0; column < call.width; ++column) {
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
  call.shift[0] = largest;
}

}  // namespace splitmask::SPLITMASK_SET
