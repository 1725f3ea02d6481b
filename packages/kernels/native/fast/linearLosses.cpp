// The vocabulary head: the logits of a slice of rows are computed, made into d = (softmax − q)·scale and multiplied
// again while they are in the cache. They lie transposed, words × rows: a vector then holds logits of different rows,
// so that maxima and sums of a row need no step across lanes, and all three products read weight and d where they lie.
#include "../generated/linearLosses.h"
#include "../indices.h"
#include "../parallel.h"
#include "gemmProduct.h"
#include "loops.h"

namespace splitmask::SPLITMASK_SET {

namespace {

// Rows of a slice: whole tiles with AVX-512. Twice as many where weight is wider, because it is read for every slice,
// and where d takes half the room; fewer where d would have more than sliceElements elements.
constexpr int64 rowsOfSlice = 224;
constexpr int64 sliceElements = 4 << 20;
// The words are cut into about wantedRanges ranges. A range has at most mostWords, so that its logits stay in the
// second-level cache, and at least leastWords, so that packed x is read for several tiles.
constexpr int64 wantedRanges = 64, leastWords = 42, mostWords = 126;

// What d is kept as. Where the products take pairs of bfloat16, it is rounded for them once, when it is formed: d goes
// through the last cache, and products that fast would wait for float32. The exponentials that d replaces have half
// precision there, whose rounding is small beside that of d.
template <Precision precision> struct Kept {
  using Type = float;
};
SPLITMASK_INLINE void storePower(float* to, Vector value) { store(to, value); }
SPLITMASK_INLINE Vector loadPower(const float* from) { return load(from); }
#if defined(__AVX512BF16__)
template <> struct Kept<Precision::bfloat16> {
  using Type = Bfloat16;
};
SPLITMASK_INLINE void storePower(Bfloat16* to, Vector value) {
  const __m256i half = _mm512_cvtps_ph((__m512)value, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  *reinterpret_cast<UnalignedHalfWords*>(to) = (HalfWords)half;
}
SPLITMASK_INLINE Vector loadPower(const Bfloat16* from) { return (Vector)_mm512_cvtph_ps((__m256i)loadWords(from)); }
#endif

// Hands out pieces of a block of memory; without a block it only counts their bytes.
class Pieces {
 public:
  explicit Pieces(float* block = nullptr) : block_(block) {}
  float* take(int64 floats) {
    float* piece = block_ ? block_ + used_ : nullptr;
    used_ += divideUp(floats, 16) * 16;
    return piece;
  }
  int64 bytes() const { return used_ * int64{sizeof(float)}; }

 private:
  float* block_;
  int64 used_ = 0;
};

template <Precision precision> class Head {
 public:
  explicit Head(const LinearCrossEntropy<float>& call)
      : call_(call), words_(call.columns), wantsD_(call.xGradient || call.weightGradient || call.biasGradient) {
    const int64 fitting = sliceElements / maximum(1, words_) / tileColumns * tileColumns;
    const int64 wanted = rowsOfSlice * (call.inner > rowsOfSlice ? 2 : 1) * (isRounded ? 2 : 1);
    sliceRows_ = minimum(call.rows, maximum(tileColumns, minimum(wanted, fitting)));
    stride_ = packedStride(sliceRows_);
    const int64 height = evenHeight(words_);
    rangeWords_ = divideUp(maximum(leastWords, minimum(mostWords, words_ / wantedRanges)), height) * height;
    ranges_ = divideUp(words_, rangeWords_);
    share_ = call.smoothing / static_cast<double>(words_);
  }

  void run() {
    if (call_.rows == 0) return;
    Pieces count;
    layOut(count);
    Pieces pieces(static_cast<float*>(call_.scratch(call_, 0, count.bytes())));
    layOut(pieces);
    if (call_.xGradient) packWeight();
    for (int64 first = 0; first < call_.rows; first += sliceRows_) {
      const Slice slice{first, minimum(sliceRows_, call_.rows - first)};
      packX(slice);
      computePowers(slice);
      computeLosses(slice);
      if (wantsD_) computeGradientsOfWords(slice);
      if (call_.xGradient) computeGradientOfX(slice);
    }
  }

 private:
  using Product = splitmask::SPLITMASK_SET::Product<precision>;
  using Element = typename Kept<precision>::Type;
  static constexpr bool isRounded = isBfloat16<Element>;

  struct Slice {
    int64 first, rows;
    // Rounded up to whole vectors, because partial ones are slow to write; the logits added are those of rows of zeros.
    int64 padded() const { return divideUp(rows, lanes) * lanes; }
  };
  struct Range {
    int64 index, first, end;
  };
  Range range(int64 index) const { return {index, index * rangeWords_, minimum(words_, (index + 1) * rangeWords_)}; }

  // Calls body(row of the slice, its target) for the rows whose target is in the range.
  template <class Body> void overTargets(const Slice& slice, const Range& range, const Body& body) const {
    for (int64 r = 0; r < slice.rows; ++r) {
      const int64 target = call_.targets[slice.first + r];
      if (target >= range.first && target < range.end) body(r, target);
    }
  }

  // The three products.

  static Product product(int64 m, int64 n, int64 k) {
    Product p{};
    p.m = m;
    p.n = n;
    p.k = k;
    p.alpha = 1;
    p.lastBlock = p.innerBlocks();
    return p;
  }
  // weight·xᵀ
  Product ofLogits(const Slice& slice) const {
    Product p = product(words_, slice.rows, call_.inner);
    p.a = call_.weight;
    p.aLeading = call_.inner;
    p.b = call_.x + slice.first * call_.inner;
    p.bLeading = call_.inner;
    p.transposeB = true;
    p.outputLeading = stride_;
    return p;
  }
  // dᵀ·x, added to what the slices before gave.
  Product ofWeight(const Slice& slice) const {
    Product p = product(words_, call_.inner, slice.rows);
    p.a = reinterpret_cast<const float*>(d_);
    p.aIsBfloat16 = isRounded;
    p.aLeading = stride_;
    p.b = call_.x + slice.first * call_.inner;
    p.bLeading = call_.inner;
    p.output = call_.weightGradient;
    p.outputLeading = call_.inner;
    p.beta = slice.first > 0 ? 1 : 0;
    return p;
  }
  // d·weight
  Product ofX(const Slice& slice) const {
    Product p = product(slice.rows, call_.inner, words_);
    p.a = reinterpret_cast<const float*>(d_);
    p.aIsBfloat16 = isRounded;
    p.aLeading = stride_;
    p.transposeA = true;
    p.b = call_.weight;
    p.bLeading = call_.inner;
    p.output = call_.xGradient + slice.first * call_.inner;
    p.outputLeading = call_.inner;
    return p;
  }

  // Memory.

  void layOut(Pieces& pieces) {
    const Slice whole{0, sliceRows_};
    packedForLogits_ = pieces.take(ofLogits(whole).packedSize());
    packedForWeight_ = pieces.take(call_.weightGradient ? ofWeight(whole).packedSize() : 0);
    packedForX_ = pieces.take(call_.xGradient ? ofX(whole).packedSize() : 0);
    d_ = reinterpret_cast<Element*>(pieces.take(wantsD_ ? wordsOf(words_ * stride_, isRounded) : 0));
    float** const byRange[] = {&largest_, &sums_, &totals_};
    for (float** values : byRange) *values = pieces.take(ranges_ * stride_);
    float** const byRow[] = {&targetLogits_, &rowLargest_, &rowSums_, &rowTotals_, &rowFactors_};
    for (float** values : byRow) *values = pieces.take(stride_);
    privateFloats_ = maximum(privateSizeOf(whole), privateSizeOf({0, call_.rows % sliceRows_}));
    privates_ = pieces.take(call_.parallel->threads * privateFloats_);
    ownLogits_ = pieces.take(isInPlace() ? 0 : call_.parallel->threads * rangeWords_ * stride_);
  }
  int64 privateSizeOf(const Slice& slice) const {
    const int64 ofWords = maximum(privateSize(ofLogits(slice), rangeWords_), privateSize(ofWeight(slice), rangeWords_));
    return maximum(ofWords, privateSize(ofX(slice), minimum(slice.rows, blockRowsOf(*call_.caches))));
  }
  float* privateOf(int thread) const { return privates_ + thread * privateFloats_; }

  // Whether logits lie where d will be; else each thread has room for those of a range.
  bool isInPlace() const { return wantsD_ && !isRounded; }

  // Packing.

  static int64 runs(const Product& p) { return divideUp(p.panels(), packedTogether) * p.innerBlocks(); }
  static void packRun(const Product& p, float* packed, int64 run) {
    const int64 across = divideUp(p.panels(), packedTogether), first = run % across * packedTogether;
    packB(p, packed, run / across, first, minimum(p.panels(), first + packedTogether));
  }
  void packWeight() {
    const Product p = ofX({0, sliceRows_});
    parallelFor(call_, runs(p), [&](int64 run, int) { packRun(p, packedForX_, run); });
  }
  void packX(const Slice& slice) {
    const Product forLogits = ofLogits(slice), forWeight = ofWeight(slice);
    const int64 first = runs(forLogits), second = call_.weightGradient ? runs(forWeight) : 0;
    parallelFor(call_, first + second, [&](int64 run, int) {
      if (run < first)
        packRun(forLogits, packedForLogits_, run);
      else
        packRun(forWeight, packedForWeight_, run - first);
    });
  }

  // Range by range, computes logits and keeps e^(logit − the row's largest in the range).
  void computePowers(const Slice& slice) {
    const Product whole = ofLogits(slice);
    parallelFor(call_, ranges_, [&](int64 task, int thread) {
      const Range words = range(task);
      Product p = whole;
      p.n = slice.padded();
      Element* powers = wantsD_ ? d_ + words.first * stride_ : nullptr;
      float* logits = isInPlace() ? reinterpret_cast<float*>(powers) : ownLogits_ + thread * rangeWords_ * stride_;
      p.output = logits - words.first * stride_;
      computeBlock(p, packedForLogits_, words.first, words.end, 0, p.panels(), privateOf(thread),
                   {(task + 1) * rangeWords_, task, ranges_});
      exponentiate(logits, powers, slice, words);
    });
  }

  // `powers` may be null.
  void exponentiate(const float* logits, Element* powers, const Slice& slice, const Range& words) const {
    const auto biasOf = [&](int64 word) { return call_.bias ? call_.bias[word] : 0.0f; };
    overTargets(slice, words, [&](int64 r, int64 target) {
      targetLogits_[r] = logits[(target - words.first) * stride_ + r] + biasOf(target);
    });
    const int64 place = words.index * stride_;
    float *largest = largest_ + place, *sums = sums_ + place, *totals = totals_ + place;
    overVectors(0, slice.padded(), [&](int64 r, auto part) {
      part.write(largest + r, broadcast(-__builtin_inff()));
      part.write(sums + r, zero());
      part.write(totals + r, zero());
    });
    const float* line = logits;
    for (int64 word = words.first; word < words.end; ++word, line += stride_) {
      const Vector bias = broadcast(biasOf(word));
      overVectors(0, slice.padded(), [&](int64 r, auto part) {
        part.write(largest + r, maximum(part.read(line + r) + bias, part.read(largest + r)));
      });
    }
    for (int64 word = words.first; word < words.end; ++word) {
      const int64 start = (word - words.first) * stride_;
      const Vector bias = broadcast(biasOf(word));
      overVectors(0, slice.padded(), [&](int64 r, auto part) {
        const Vector shifted = part.read(logits + start + r) + bias - shiftOf(part.read(largest + r));
        const Vector power = exponentialOfNegative(shifted);
        if (powers) storePower(powers + start + r, power);
        part.write(sums + r, part.read(sums + r) + power);
        if (call_.smoothing != 0) part.write(totals + r, part.read(totals + r) + shifted);
      });
    }
  }
  // What the logits of a range are shifted by; 0 where all are −∞, since those of other ranges may be finite.
  static Vector shiftOf(Vector largest) { return select(largest == broadcast(-__builtin_inff()), zero(), largest); }

  void computeLosses(const Slice& slice) const {
    overVectors(0, slice.padded(), [&](int64 r, auto part) { combineRanges(r, part); });
    for (int64 r = 0; r < slice.rows; ++r) {
      const int64 row = slice.first + r;
      const bool none = call_.targets[row] == noIndex;
      double loss = logarithm(broadcast(rowSums_[r]))[0] - (1 - call_.smoothing) * (targetLogits_[r] - rowLargest_[r]);
      if (call_.smoothing != 0) loss -= share_ * rowTotals_[r];
      call_.losses[row] = none ? __builtin_nanf("") : static_cast<float>(loss);
      rowFactors_[r] = none ? __builtin_nanf("") : static_cast<float>(call_.gradientScale) / rowSums_[r];
    }
  }
  template <class Part> void combineRanges(int64 r, Part part) const {
    Vector largest = broadcast(-__builtin_inff()), sum = zero(), total = zero();
    for (int64 i = 0; i < ranges_; ++i) largest = maximum(part.read(largest_ + i * stride_ + r), largest);
    for (int64 i = 0; i < ranges_; ++i) {
      const Vector own = part.read(largest_ + i * stride_ + r);
      const float count = static_cast<float>(range(i).end - range(i).first);
      sum += part.read(sums_ + i * stride_ + r) * exponentialOfNegative(own - largest);
      total += part.read(totals_ + i * stride_ + r) + (shiftOf(own) - largest) * count;
    }
    part.write(rowLargest_ + r, largest);
    part.write(rowSums_ + r, sum);
    part.write(rowTotals_ + r, total);
  }

  // Range by range, computes d, and from it the gradients of weight and bias.
  void computeGradientsOfWords(const Slice& slice) {
    const Product p = ofWeight(slice);
    parallelFor(call_, ranges_, [&](int64 task, int thread) {
      const Range words = range(task);
      computeD(slice, words);
      if (call_.weightGradient)
        computeBlock(p, packedForWeight_, words.first, words.end, 0, p.panels(), privateOf(thread),
                     {(task + 1) * rangeWords_, task, ranges_});
    });
  }

  // Replaces the exponentials by d.
  void computeD(const Slice& slice, const Range& words) const {
    const float* largest = largest_ + words.index * stride_;
    float* factors = sums_ + words.index * stride_;  // replace the sums, which are not needed any more
    overVectors(0, slice.padded(), [&](int64 r, auto part) {
      const Vector below = exponentialOfNegative(part.read(largest + r) - part.read(rowLargest_ + r));
      part.write(factors + r, part.read(rowFactors_ + r) * below);
    });
    const Vector background = broadcast(static_cast<float>(share_ * call_.gradientScale));
    for (int64 word = words.first; word < words.end; word += lanes) {
      const int64 count = minimum(lanes, words.end - word);
      Vector sums[lanes] = {};
      for (int64 i = 0; i < count; ++i) {
        Element* line = d_ + (word + i) * stride_;
        Vector sum = zero();
        overVectors(0, slice.rows, [&](int64 r, auto part) {
          const Vector value = part.keep(loadPower(line + r) * part.read(factors + r) - background, 0);
          part.write(line + r, value);
          sum += value;
        });
        sums[i] = sum;
      }
      if (call_.biasGradient) addToBias(slice, sums, word, static_cast<int>(count));
    }
    const float wanted = static_cast<float>((1 - call_.smoothing) * call_.gradientScale);
    overTargets(slice, words, [&](int64 r, int64 target) {
      // From the logit again: of a probability of about 1 that is rounded already, little of d would be left.
      const Vector power = exponentialOfNegative(broadcast(targetLogits_[r] - rowLargest_[r]));
      storePartial(d_ + target * stride_ + r, power * rowFactors_[r] - background - wanted, 1);
      if (call_.biasGradient) call_.biasGradient[target] -= wanted;
    });
  }
  // Summed over its lanes, sums[i] is the slice's part of the gradient of word + i.
  void addToBias(const Slice& slice, Vector (&sums)[lanes], int64 word, int count) const {
    transposeSquare(sums);
    float* place = call_.biasGradient + word;
    Vector total = slice.first > 0 ? loadPartial(place, count) : zero();
    for (int i = 0; i < lanes; ++i) total += sums[i];
    storePartial(place, total, count);
  }

  void computeGradientOfX(const Slice& slice) {
    const Product p = ofX(slice);
    const int64 threads = call_.parallel->threads, height = p.panelHeight();
    // Tasks are halved until the threads can share them evenly: first by rows, down to two row panels, then by columns.
    int64 rows = minimum(divideUp(slice.rows, height), blockRowsOf(*call_.caches) / height),
          panels = maximum(1, p.panels());
    const auto across = [&] { return divideUp(p.panels(), panels); };
    const auto tasks = [&] { return divideUp(slice.rows, rows * height) * across(); };
    while (threads > 1 && tasks() < 4 * threads && (rows > 1 || panels > 1)) {
      int64& side = rows > 2 || panels == 1 ? rows : panels;
      side = divideUp(side, 2);
    }
    parallelFor(call_, tasks(), [&](int64 task, int thread) {
      const int64 row = task / across() * rows * height, panel = task % across() * panels;
      computeBlock(p, packedForX_, row, minimum(slice.rows, row + rows * height), panel,
                   minimum(p.panels(), panel + panels), privateOf(thread),
                   {(task + 1) / across() * rows * height, task, tasks()});
    });
  }

  const LinearCrossEntropy<float>& call_;
  const int64 words_;
  const bool wantsD_;
  int64 sliceRows_, stride_, rangeWords_, ranges_;
  double share_;  // a word's share of the smoothed targets
  // x packed for two of the products, and weight for the third.
  float *packedForLogits_, *packedForWeight_, *packedForX_;
  Element* d_ = nullptr;  // words × rows; at first exponentials
  // By range and row: the largest logit, the sum of the exponentials, the sum of the shifted logits.
  float *largest_, *sums_, *totals_;
  // By row: the target's logit, the same three over all ranges, and the factor of the exponentials in d.
  float *targetLogits_, *rowLargest_, *rowSums_, *rowTotals_, *rowFactors_;
  float *privates_, *ownLogits_;
  int64 privateFloats_;
};

}  // namespace

void linearCrossEntropy(const LinearCrossEntropy<float>& call) {
  if (!indicesAreInside(call, call.targets, call.rows, call.columns, true)) return;
  if (call.precision == ProductPrecision::bfloat16) {
    Head<Precision::bfloat16>(call).run();
  } else {
    Head<Precision::float32>(call).run();
  }
}

}  // namespace splitmask::SPLITMASK_SET
