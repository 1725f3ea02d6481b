// k-means (sums by segment, k-means++ seeding, centroid update) and votes of nearest neighbours. Plain loops, the measure of the fast versions.
#include "naive.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "../philox.h"

namespace splitmask::naive {

template <class T> void segmentSums(const Call& call) {
  T* sums = call.buffer<T>(0);
  T* counts = call.buffer<T>(1);
  const T* points = call.buffer<T>(2);
  const int* assignments = call.buffer<int>(3);
  const int64 count = call.integer(0), width = call.integer(1), segments = call.integer(2);
  const bool accumulate = call.integer(3) != 0;
  // float64 sums: a segment may own millions of points.
  std::vector<double> totals(static_cast<size_t>(segments * width), 0.0);
  std::vector<int64> members(static_cast<size_t>(segments), 0);
  for (int64 point = 0; point < count; ++point) {
    const int64 segment = assignments[point];
    if (segment < 0 || segment >= segments) {
      call.fail(call,
                "assignment {given} is not a segment: it must be at least 0 and less than {expected} "
                "(-1: a point with a NaN)",
                static_cast<double>(segment), static_cast<double>(segments));
      return;
    }
    ++members[static_cast<size_t>(segment)];
    for (int64 column = 0; column < width; ++column)
      totals[static_cast<size_t>(segment * width + column)] += static_cast<double>(points[point * width + column]);
  }
  for (int64 index = 0; index < segments * width; ++index)
    sums[index] = static_cast<T>(totals[static_cast<size_t>(index)] + (accumulate ? static_cast<double>(sums[index]) : 0.0));
  for (int64 segment = 0; segment < segments; ++segment)
    counts[segment] = static_cast<T>(static_cast<double>(members[static_cast<size_t>(segment)]) +
                                     (accumulate ? static_cast<double>(counts[segment]) : 0.0));
}

template <class T> void kMeansSeed(const Call& call) {
  T* centroids = call.buffer<T>(0);
  T* distances = call.buffer<T>(1);
  const T* points = call.buffer<T>(2);
  const int64 count = call.integer(0), width = call.integer(1), from = call.integer(2), to = call.integer(3);
  if (count <= 0) {
    if (to > from) call.fail(call, "there are {given} points to choose {expected} centroids from; give at least one", 0, static_cast<double>(to));
    return;
  }
  for (int64 centroid = from; centroid < to; ++centroid) {
    const RandomKey key{static_cast<uint64>(call.integer(4)), static_cast<uint32>(call.integer(5)), 0, static_cast<uint32>(centroid)};
    const PhiloxWords random = key.words(0);
    const double uniform = random.word[0] * 0x1p-32 + random.word[1] * 0x1p-64;
    double total = 0;
    if (centroid > 0)
      for (int64 point = 0; point < count; ++point) total += static_cast<double>(distances[point]);
    int64 chosen = std::min(count - 1, static_cast<int64>(uniform * static_cast<double>(count)));
    // No distance left (fewer different points than centroids): any point will do.
    if (centroid > 0 && total > 0) {
      const double target = uniform * total;
      double sum = 0;
      chosen = -1;
      for (int64 point = 0; point < count; ++point) {
        const double distance = static_cast<double>(distances[point]);
        if (!(distance > 0)) continue;
        sum += distance;
        chosen = point;
        if (sum > target) break;
      }
    }
    const T* source = points + chosen * width;
    std::copy(source, source + width, centroids + centroid * width);
    for (int64 point = 0; point < count; ++point) {
      double distance = 0;
      for (int64 column = 0; column < width; ++column) {
        const double difference = static_cast<double>(points[point * width + column]) - static_cast<double>(source[column]);
        distance += difference * difference;
      }
      if (centroid == 0 || distance < static_cast<double>(distances[point])) distances[point] = static_cast<T>(distance);
    }
  }
}

template <class T> void kMeansUpdate(const Call& call) {
  T* centroids = call.buffer<T>(0);
  T* shift = call.buffer<T>(1);
  const T* sums = call.buffer<T>(2);
  const T* counts = call.buffer<T>(3);
  const int64 segments = call.integer(0), width = call.integer(1);
  T largest = 0;
  for (int64 segment = 0; segment < segments; ++segment) {
    if (!(counts[segment] > 0)) continue;
    T move = 0;
    for (int64 column = 0; column < width; ++column) {
      T& centroid = centroids[segment * width + column];
      const T mean = sums[segment * width + column] / counts[segment];
      move += (mean - centroid) * (mean - centroid);
      centroid = mean;
    }
    if (!(move <= largest)) largest = move;
  }
  shift[0] = largest;
}

template <class T> void neighbourVotes(const Call& call) {
  T* scores = call.buffer<T>(0);
  const T* values = call.buffer<T>(1);
  const int* indices = call.buffer<int>(2);
  const int* labels = call.buffer<int>(3);
  const int64 rows = call.integer(0), neighbours = call.integer(1), classes = call.integer(2), labelCount = call.integer(3);
  const double temperature = call.number(4);
  std::fill(scores, scores + rows * classes, T(0));
  T largest = 0;
  for (int64 place = 0; place < rows * neighbours; ++place) {
    const int64 index = indices[place];
    if (index < 0 || index >= labelCount) {
      call.fail(call, "neighbour {given} has no label: it must be at least 0 and less than {expected}", static_cast<double>(index),
                static_cast<double>(labelCount));
      return;
    }
    const int64 label = labels[index];
    if (label < 0 || label >= classes) {
      call.fail(call, "label {given} is not a class: it must be at least 0 and less than {expected}", static_cast<double>(label),
                static_cast<double>(classes));
      return;
    }
    // Against the row's largest value no temperature overflows, and one neighbour always counts 1.
    if (place % neighbours == 0) largest = *std::max_element(values + place, values + place + neighbours);
    const double behind = static_cast<double>(values[place]) - static_cast<double>(largest);
    scores[place / neighbours * classes + label] += static_cast<T>(std::exp(behind / temperature));
  }
}

}  // namespace splitmask::naive

NAIVE_KERNEL(segmentSums)
NAIVE_KERNEL(kMeansSeed)
NAIVE_KERNEL(kMeansUpdate)
NAIVE_KERNEL(neighbourVotes)
