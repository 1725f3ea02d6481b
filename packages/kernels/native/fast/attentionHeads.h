// Where the rows of a head lie, which thread computes which head, and what is prefetched for the next one meanwhile.
#pragma once
#include "../parallel.h"
#include "gemmBlock.h"

namespace splitmask::SPLITMASK_SET {

struct Heads {
  int64 batch, tokens, heads, width;
  float scale;
  template <class Attention> explicit Heads(const Attention& call)
      : batch(call.batch),
        tokens(call.tokens),
        heads(call.heads),
        width(call.headWidth),
        scale(static_cast<float>(call.scale)) {}
  int64 count() const { return tokens > 0 ? batch * heads : 0; }
  // Of (sample, head) number `head`: packed() is where q, k or v (part 0, 1, 2) begins in B×N×3×H×d, with rows
  // packedRow() apart, and merged() where its output begins in B×N×H×d, with rows mergedRow() apart.
  int64 packed(int64 head, int64 part) const {
    return ((head / heads * tokens * 3 + part) * heads + head % heads) * width;
  }
  int64 packedRow() const { return 3 * heads * width; }
  int64 merged(int64 head) const { return (head / heads * tokens * heads + head % heads) * width; }
  int64 mergedRow() const { return heads * width; }
};

// Prefetches what is computed after head `head` (`end`: the thread's last head + 1), while that is computed in `steps`
// steps. For small samples this is a share of the next sample, in the order of memory; for large ones the rows of the
// next head, which are so short and far apart that the hardware's prefetcher does not foresee them.
class NextHead {
 public:
  NextHead(const Heads& shape, int64 head, int64 end, int64 steps)
      : shape_(shape),
        head_(head),
        whole_(shape.tokens * shape.packedRow() <= 48 << 10),
        follows_(head + (whole_ ? shape.heads : 1) < end),
        ahead_(steps, whole_ ? FetchInto::secondLevel : FetchInto::firstLevel) {}
  // A buffer with `parts` parts a token: 3 for qkv, 1 for the heads' outputs.
  void add(const float* buffer, int64 parts) {
    if (!follows_) return;
    const int64 heads = shape_.heads, tokens = shape_.tokens, width = shape_.width, row = parts * heads * width;
    if (whole_) {
      const int64 share = parts * tokens * width;
      ahead_.add(buffer + (head_ / heads + 1) * tokens * row + head_ % heads * share, share, 1, share);
      return;
    }
    const int64 next = head_ + 1;
    const float* sample = buffer + next / heads * tokens * row;
    for (int64 part = 0; part < parts; ++part)
      ahead_.add(sample + (part * heads + next % heads) * width, row, tokens, width);
  }
  FetchAhead* ahead() { return &ahead_; }

 private:
  const Heads& shape_;
  int64 head_;
  bool whole_, follows_;
  FetchAhead ahead_;
};

// Calls body(head, thread, end) for every (sample, head); up to `end` they follow each other in the same thread.
template <class Body> SPLITMASK_INLINE void forEachHead(const Call& call, const Heads& shape, const Body& body) {
  const int64 count = shape.count();
  if (count == 0) return;
  // Whole samples where that leaves 32 tasks or more, and so many that they are worth handing to a thread.
  const int64 unit = count >= 32 * shape.heads ? shape.heads : 1;
  const int64 work = shape.tokens * shape.tokens * shape.width;
  const int64 together = unit * maximum(1, minimum((1 << 23) / maximum(1, work), count / 32) / unit);
  parallelFor(call, divideUp(count, together), [&](int64 group, int thread) {
    const int64 end = minimum(count, (group + 1) * together);
    for (int64 head = group * together; head < end; ++head) body(head, thread, end);
  });
}

}  // namespace splitmask::SPLITMASK_SET
