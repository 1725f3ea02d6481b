// Splits of the patch grid in two branches: BEiT's block-wise mask topped up to an exact size, or uniform sets.
#include <algorithm>
#include <cmath>
#include <vector>

#include "naive.h"
#include "../philox.h"

namespace splitmask::naive {

namespace {

struct BlockMask {
  int64 rows, columns;
  double minimumBlock, maximumBlock, minimumAspect;
};

// One block of BEiT's sampler (PAPER.md 6.1): up to ten tries at a rectangle that masks between 1 and min(remaining, maximumBlock) new
// patches. Returns how many it masked, 0 if no try was accepted.
int64 addBlock(const BlockMask& block, RandomStream& stream, std::vector<char>& masked, int64 remaining) {
  const double largest = std::min(static_cast<double>(remaining), block.maximumBlock);
  const double logAspect = std::log(block.minimumAspect);
  for (int attempt = 0; attempt < 10; ++attempt) {
    const double area = block.minimumBlock + (largest - block.minimumBlock) * stream.uniform();
    const double aspect = std::exp(logAspect - 2 * logAspect * stream.uniform());  // log-uniform in [minimum, 1/minimum]
    const int64 height = std::llround(std::sqrt(area * aspect)), width = std::llround(std::sqrt(area / aspect));
    if (height >= block.rows || width >= block.columns) continue;
    const int64 top = stream.integer(static_cast<uint32>(block.rows - height + 1));
    const int64 left = stream.integer(static_cast<uint32>(block.columns - width + 1));
    int64 added = 0;
    for (int64 y = top; y < top + height; ++y)
      for (int64 x = left; x < left + width; ++x) added += !masked[static_cast<size_t>(y * block.columns + x)];
    if (added < 1 || static_cast<double>(added) > largest) continue;
    for (int64 y = top; y < top + height; ++y)
      for (int64 x = left; x < left + width; ++x) masked[static_cast<size_t>(y * block.columns + x)] = 1;
    return added;
  }
  return 0;
}

// Gives `wanted` uniformly drawn patches of those with value `from` the value `to`: selection sampling, one pass, exact.
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

template <class T> void splitMasks(const Call& call) {
  const int64 batch = call.integer(0), rows = call.integer(1), columns = call.integer(2), visible = call.integer(3);
  const bool uniform = call.integer(4) != 0;
  const int64 patches = rows * columns, hidden = patches - visible;
  const BlockMask block{rows, columns, call.number(5), call.number(6), call.number(7)};
  if (visible < 0 || 2 * visible > patches)
    return call.fail(call, "visible is {given}, but two disjoint sets of at most {expected} patches fit into the grid",
                     static_cast<double>(visible), static_cast<double>(patches / 2));
  if (!uniform && !(block.minimumAspect > 0 && block.minimumAspect <= 1))
    return call.fail(call, "minimumAspect is {given}: it must be above 0 and at most 1, for example {expected}", block.minimumAspect, 0.3);
  parallelFor(call, batch, [&](int64 b, int) {
    RandomStream stream({static_cast<uint64>(call.integer(8)), static_cast<uint32>(call.integer(9)), static_cast<uint32>(call.integer(10)),
                         static_cast<uint32>(call.integer(11) + b)});
    std::vector<char> branches(static_cast<size_t>(patches), 0);  // 1 and 2: the branch that sees the patch, 0: none
    int64 masked = 0;
    while (!uniform && masked < visible) {
      const int64 added = addBlock(block, stream, branches, visible - masked);
      if (added == 0) break;
      masked += added;
    }
    choose(stream, branches, 0, 1, visible - masked);
    choose(stream, branches, 0, 2, visible);
    write(branches, 1, call.buffer<int>(0) + b * visible, call.buffer<int>(2) + b * hidden);
    write(branches, 2, call.buffer<int>(1) + b * visible, call.buffer<int>(3) + b * hidden);
  });
}

}  // namespace splitmask::naive

NAIVE_KERNEL(splitMasks)
