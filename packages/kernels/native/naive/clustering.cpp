// k-means (sums by segment, k-means++ seeding, centroid update) and votes of nearest neighbors. Plain loops, the
// measure of the fast versions.
#include "../generated/clustering.h"
#include "naive.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "../philox.h"

namespace splitmask::naive {

template <class T> void segmentSums(const SegmentSums<T>& call) {
  // float64 sums: a segment may own millions of points.
  std::vector<double> totals(static_cast<size_t>(call.segments * call.width), 0.0);
  std::vector<int64> members(static_cast<size_t>(call.segments), 0);
  for (int64 point = 0; point < call.points; ++point) {
    const int64 segment = call.assignments[point];
    if (segment < 0 || segment >= call.segments) {
      call.fail(call,
                "assignment {given} is not a segment: it must be at least 0 and less than {expected} "
                "(-1: a point with a NaN)",
                static_cast<double>(segment), static_cast<double>(call.segments));
      return;
    }
    ++members[static_cast<size_t>(segment)];
    for (int64 column = 0; column < call.width; ++column)
      totals[static_cast<size_t>(segment * call.width + column)] +=
          static_cast<double>(call.pointsArray[point * call.width + column]);
  }
  for (int64 index = 0; index < call.segments * call.width; ++index)
    call.sums[index] = static_cast<T>(totals[static_cast<size_t>(index)] +
                                      (call.accumulate ? static_cast<double>(call.sums[index]) : 0.0));
  for (int64 segment = 0; segment < call.segments; ++segment)
    call.counts[segment] = static_cast<T>(static_cast<double>(members[static_cast<size_t>(segment)]) +
                                          (call.accumulate ? static_cast<double>(call.counts[segment]) : 0.0));
}

template <class T> void kMeansSeed(const KMeansSeed<T>& call) {
  if (call.points <= 0) {
    if (call.to > call.from)
      call.fail(call, "there are {given} points to choose {expected} centroids from; give at least one", 0,
                static_cast<double>(call.to));
    return;
  }
  for (int64 centroid = call.from; centroid < call.to; ++centroid) {
    const RandomKey key{static_cast<uint64>(call.seed), static_cast<uint32>(call.purpose), 0,
                        static_cast<uint32>(centroid)};
    const PhiloxWords random = key.words(0);
    const double uniform = random.word[0] * 0x1p-32 + random.word[1] * 0x1p-64;
    double total = 0;
    if (centroid > 0)
      for (int64 point = 0; point < call.points; ++point) total += static_cast<double>(call.distances[point]);
    int64 chosen = std::min(call.points - 1, static_cast<int64>(uniform * static_cast<double>(call.points)));
    // No distance left (fewer different points than centroids): any point will do.
    if (centroid > 0 && total > 0) {
      const double target = uniform * total;
      double sum = 0;
      chosen = -1;
      for (int64 point = 0; point < call.points; ++point) {
        const double distance = static_cast<double>(call.distances[point]);
        if (!(distance > 0)) continue;
        sum += distance;
        chosen = point;
        if (sum > target) break;
      }
    }
    const T* source = call.pointsArray + chosen * call.width;
    std::copy(source, source + call.width, call.centroids + centroid * call.width);
    for (int64 point = 0; point < call.points; ++point) {
      double distance = 0;
      for (int64 column = 0; column < call.width; ++column) {
        const double difference =
            static_cast<double>(call.pointsArray[point * call.width + column]) - static_cast<double>(source[column]);
        distance += difference * difference;
      }
      if (centroid == 0 || distance < static_cast<double>(call.distances[point]))
        call.distances[point] = static_cast<T>(distance);
    }
  }
}

template <class T> void kMeansUpdate(const KMeansUpdate<T>& call) {
  T largest = 0;
  for (int64 segment = 0; segment < call.segments; ++segment) {
    if (!(call.counts[segment] > 0)) continue;
    T move = 0;
    for (int64 column = 0; column < call.width; ++column) {
      T& centroid = call.centroids[segment * call.width + column];
      const T mean = call.sums[segment * call.width + column] / call.counts[segment];
      move += (mean - centroid) * (mean - centroid);
      centroid = mean;
    }
    if (!(move <= largest)) largest = move;
  }
  call.shift[0] = largest;
}

template <class T> void neighborVotes(const NeighborVotes<T>& call) {
  std::fill(call.scores, call.scores + call.rows * call.classes, T(0));
  T largest = 0;
  for (int64 place = 0; place < call.rows * call.k; ++place) {
    const int64 index = call.indices[place];
    if (index < 0 || index >= call.labelCount) {
      call.fail(call, "neighbor {given} has no label: it must be at least 0 and less than {expected}",
                static_cast<double>(index), static_cast<double>(call.labelCount));
      return;
    }
    const int64 label = call.labels[index];
    if (label < 0 || label >= call.classes) {
      call.fail(call, "label {given} is not a class: it must be at least 0 and less than {expected}",
                static_cast<double>(label), static_cast<double>(call.classes));
      return;
    }
    // Against the row's largest value no temperature overflows, and one neighbor always counts 1.
    if (place % call.k == 0) largest = *std::max_element(call.values + place, call.values + place + call.k);
    const double behind = static_cast<double>(call.values[place]) - static_cast<double>(largest);
    call.scores[place / call.k * call.classes + label] += static_cast<T>(std::exp(behind / call.temperature));
  }
}

}  // namespace splitmask::naive

NAIVE_KERNEL(segmentSums, SegmentSums)
NAIVE_KERNEL(kMeansSeed, KMeansSeed)
NAIVE_KERNEL(kMeansUpdate, KMeansUpdate)
NAIVE_KERNEL(neighborVotes, NeighborVotes)
