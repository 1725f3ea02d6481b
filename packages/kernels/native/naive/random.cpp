// Random numbers, and splits of the patch grid in two branches.
// Element i takes word i % 4 of Philox counter i / 4, one word an element, whatever the type; so float64 holds the same
// draws as float32, and float32 is their rounding.
#include <algorithm>
#include <cmath>
#include <vector>

#include "../generated/random.h"
#include "../normalQuantile.h"
#include "../philox.h"
#include "naive.h"

namespace splitmask::naive {

namespace {

// Φ(z), exact far below 0.
double normalShareBelow(double z) { return 0.5 * std::erfc(-z * std::sqrt(0.5)); }

// A word as a uniform number in [0, 1): its upper 24 bits, which float32 holds exactly.
double uniformOf(uint32 word) { return (word >> 8) * 0x1p-24; }
// A word as a uniform number in (0, 1), for the inverse distribution function.
double openUniformOf(uint32 word) { return (word + 0.5) * 0x1p-32; }

// The shares of the normal distribution below the ends that a truncated one is cut at.
struct Cut {
  double belowLow, belowHigh;
};

template <class T> T draw(const Random<T>& call, const Cut& cut, uint32 word) {
  const double a = call.a, b = call.b;
  switch (call.distribution) {
    case Distribution::uniform: {
      const T value = static_cast<T>(a + (b - a) * uniformOf(word));
      return value < static_cast<T>(b) || !(a < b)
                 ? value
                 : std::nextafter(static_cast<T>(b), static_cast<T>(a));  // b stays excluded
    }
    case Distribution::normal:
      return static_cast<T>(a + b * normalQuantile(openUniformOf(word)));
    case Distribution::truncatedNormal: {
      const double share = cut.belowLow + (cut.belowHigh - cut.belowLow) * openUniformOf(word);
      return static_cast<T>(std::clamp(a + b * normalQuantile(share), call.low, call.high));
    }
    default:
      return static_cast<T>(word * 0x1p-32 < a ? b : 0);
  }
}

}  // namespace

template <class T> void random(const Random<T>& call) {
  const Cut cut{normalShareBelow((call.low - call.a) / call.b), normalShareBelow((call.high - call.a) / call.b)};
  const RandomKey key = keyOf(call);
  constexpr int64 chunk = 4096;
  parallelFor(call, (call.size + chunk - 1) / chunk, [&](int64 task, int) {
    const int64 end = (task + 1) * chunk < call.size ? (task + 1) * chunk : call.size;
    for (int64 i = task * chunk; i < end; i += 4) {
      const PhiloxWords words = key.words(static_cast<uint32>(i / 4));
      for (int64 j = 0; j < 4 && i + j < end; ++j) call.output[i + j] = draw(call, cut, words.word[j]);
    }
  });
}

template <class T> void dropout(const Dropout<T>& call) {
  const double kept = 1 - call.probability;
  const T scale = static_cast<T>(1 / kept);
  RandomKey key = keyOf(call);
  for (int64 r = 0; r < call.rows; ++r) {
    key.sample = static_cast<uint32>(call.sample + r / call.count * call.total + r % call.count);
    for (int64 c = 0; c < call.columns; ++c) {
      const uint32 word = key.words(static_cast<uint32>(c / 4)).word[c % 4];
      call.output[r * call.columns + c] = call.input[r * call.columns + c] * (word * 0x1p-32 < kept ? scale : T(0));
    }
  }
}

// Splits of the patch grid in two branches: BEiT's block-wise mask topped up to an exact size, or uniform sets.

namespace {

// One block of BEiT's sampler (Bao et al. 2021): up to ten tries at a rectangle that masks between 1 and min(remaining,
// maximumBlock) new patches. Returns how many it masked, 0 if no try was accepted.
template <class T>
int64 addBlock(const SplitMasks<T>& call, RandomStream& stream, std::vector<char>& masked, int64 remaining) {
  const double largest = std::min(static_cast<double>(remaining), call.maximumBlock);
  const double logAspect = std::log(call.minimumAspect);
  for (int attempt = 0; attempt < 10; ++attempt) {
    const double area = call.minimumBlock + (largest - call.minimumBlock) * stream.uniform();
    const double aspect =
        std::exp(logAspect - 2 * logAspect * stream.uniform());  // log-uniform in [minimum, 1/minimum]
    const int64 height = std::llround(std::sqrt(area * aspect)), width = std::llround(std::sqrt(area / aspect));
    if (height >= call.rows || width >= call.columns) continue;
    const int64 top = stream.integer(static_cast<uint32>(call.rows - height + 1));
    const int64 left = stream.integer(static_cast<uint32>(call.columns - width + 1));
    int64 added = 0;
    for (int64 y = top; y < top + height; ++y)
      for (int64 x = left; x < left + width; ++x) added += !masked[static_cast<size_t>(y * call.columns + x)];
    if (added < 1 || static_cast<double>(added) > largest) continue;
    for (int64 y = top; y < top + height; ++y)
      for (int64 x = left; x < left + width; ++x) masked[static_cast<size_t>(y * call.columns + x)] = 1;
    return added;
  }
  return 0;
}

// Gives `wanted` uniformly drawn patches of those with value `from` the value `to`: selection sampling, one pass,
// exact.
void choose(RandomStream& stream, std::vector<char>& branch, char from, char to, int64 wanted) {
  int64 left = std::count(branch.begin(), branch.end(), from);
  for (char& patch : branch) {
    if (wanted == 0) return;
    if (patch != from) continue;
    if (static_cast<int64>(stream.integer(static_cast<uint32>(left))) < wanted) {
      patch = to;
      --wanted;
    }
    --left;
  }
}

// Writes the positions with value `branch` to inside and the others to outside, both rising.
void write(const std::vector<char>& branches, char branch, int* inside, int* outside) {
  for (size_t position = 0; position < branches.size(); ++position)
    *(branches[position] == branch ? inside++ : outside++) = static_cast<int>(position);
}

}  // namespace

template <class T> void splitMasks(const SplitMasks<T>& call) {
  const int64 patches = call.rows * call.columns, hidden = patches - call.visible;
  if (call.visible < 0 || 2 * call.visible > patches)
    return call.fail(call, "visible is {given}, but two disjoint sets of at most {expected} patches fit into the grid",
                     static_cast<double>(call.visible), static_cast<double>(patches / 2));
  if (call.mode == SplitMode::block && !(call.minimumAspect > 0 && call.minimumAspect <= 1))
    return call.fail(call, "minimumAspect is {given}: it must be above 0 and at most 1, for example {expected}",
                     call.minimumAspect, 0.3);
  parallelFor(call, call.batch, [&](int64 b, int) {
    RandomStream stream({static_cast<uint64>(call.seed), static_cast<uint32>(call.purpose),
                         static_cast<uint32>(call.step), static_cast<uint32>(call.sample0 + b)});
    std::vector<char> branches(static_cast<size_t>(patches), 0);  // 1 and 2: the branch that sees the patch, 0: none
    int64 masked = 0;
    while (call.mode == SplitMode::block && masked < call.visible) {
      const int64 added = addBlock(call, stream, branches, call.visible - masked);
      if (added == 0) break;
      masked += added;
    }
    choose(stream, branches, 0, 1, call.visible - masked);
    choose(stream, branches, 0, 2, call.visible);
    write(branches, 1, call.first + b * call.visible, call.firstHidden + b * hidden);
    write(branches, 2, call.second + b * call.visible, call.secondHidden + b * hidden);
  });
}

}  // namespace splitmask::naive

NAIVE_KERNEL(random, Random)
NAIVE_KERNEL(dropout, Dropout)
NAIVE_KERNEL(splitMasks, SplitMasks)
