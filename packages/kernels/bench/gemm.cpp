// Times gemm beside OpenBLAS and beside a loop of multiply-adds in registers, in alternating rounds of one process.
// bench/gemm.mjs compiles and runs it. Arguments: threads, rounds, path of OpenBLAS (or "-"), a regular expression for
// the rows to run. One line a measurement: kind, name, operations, and medians of seconds of ours, theirs (0: none) and
// the limit. With one thread the time is the processor's, so that other programs disturb less; with more it is the
// clock's.
#include <dirent.h>
#include <dlfcn.h>
#include <sched.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <regex>
#include <string>
#include <thread>
#include <vector>

#include "../native/generated/attention.h"
#include "../native/generated/limits.h"
#include "../native/generated/linearLosses.h"
#include "../native/generated/products.h"
#include "../native/parallel.h"
#include "../native/runtime/caches.h"
#include "../native/runtime/thread_pool.h"

namespace splitmask::SPLITMASK_SET {
void gemm(const Gemm<float>& call);
void gemmBfloat16(const GemmBfloat16<float>& call);
void multiplyAdds(const MultiplyAdds<float>& call);
void bfloat16Dots(const Bfloat16Dots<float>& call);
void linearCrossEntropy(const LinearCrossEntropy<float>& call);
void attention(const Attention<float>& call);
void attentionBackward(const AttentionBackward<float>& call);
}  // namespace splitmask::SPLITMASK_SET

using namespace splitmask;

namespace {

bool processorTime = false;

double seconds() {
  timespec time;
  clock_gettime(processorTime ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &time);
  return double(time.tv_sec) + 1e-9 * double(time.tv_nsec);
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<long>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

struct Machine {
  ThreadPool pool;
  Parallel parallel;
  CacheSizes caches = machineCaches().ofCore;
  std::vector<std::pair<void*, int64>> blocks;
  explicit Machine(int threads) : pool(threads), blocks(static_cast<size_t>(threads), {nullptr, 0}) {
    parallel.run = [](void* self, int64 tasks, void (*body)(void*, int64, int), void* context) {
      static_cast<ThreadPool*>(self)->run(tasks, body, context);
    };
    parallel.pool = &pool;
    parallel.threads = threads;
  }
  static void* scratch(const Call& call, int thread, int64 bytes) {
    auto& block = static_cast<Machine*>(call.device)->blocks[static_cast<size_t>(thread)];
    if (block.second < bytes) {
      std::free(block.first);
      block = {std::aligned_alloc(64, static_cast<size_t>((bytes + 63) / 64 * 64)), bytes};
    }
    return block.first;
  }
};

// Puts the first thread on the first core and each library's workers on the others. Short rounds are over before the
// scheduler has spread threads that it woke on one core.
void pinThreads(int threads) {
  DIR* tasks = opendir("/proc/self/task");
  if (tasks == nullptr || threads < 2) return;
  int worker = 0;
  while (const dirent* entry = readdir(tasks)) {
    const pid_t thread = std::atoi(entry->d_name);
    if (thread == 0) continue;
    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET(thread == getpid() ? 0 : 1 + worker++ % (threads - 1), &cores);
    sched_setaffinity(thread, sizeof cores, &cores);
  }
  closedir(tasks);
}

// Of one task and step of the kernels that measure the limits: 256 chains of one multiply-add, or of two with bfloat16.
constexpr double limitOperations = 512;

using Sgemm = void (*)(int, int, int, int, int, int, float, const float*, int, const float*, int, float, float*, int);
using SetThreads = void (*)(int);

// On large pages where they are worth it, as the pool's segments are, else at a 64-byte border.
void* alignedMemory(size_t bytes) {
  const size_t largePage = 2 << 20, alignment = bytes < largePage ? 64 : largePage;
  void* memory = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  if (alignment == largePage) madvise(memory, bytes, MADV_HUGEPAGE);
  return memory;
}

template <class T> struct AlignedAllocator {
  using value_type = T;
  T* allocate(size_t count) { return static_cast<T*>(alignedMemory(count * sizeof(T))); }
  void deallocate(T* place, size_t) { std::free(place); }
  bool operator==(const AlignedAllocator&) const { return true; }
  bool operator!=(const AlignedAllocator&) const { return false; }
};
using Floats = std::vector<float, AlignedAllocator<float>>;

Floats numbersBelowHalf(int64 size) {
  Floats values(static_cast<size_t>(size));
  unsigned state = 1;
  for (float& value : values)
    value = static_cast<float>((state = state * 1664525u + 1013904223u) >> 8) / 16777216.0f - 0.5f;
  return values;
}

// geluDerivative: the product times GELU's derivative at other values.
enum class Epilogue { none, bias, residual, geluDerivative };

// A product, or `batch` of them one after the other. NN: a·b; NT: a·bᵀ (a linear layer); TN: aᵀ·b (its weight
// gradient).
struct Shape {
  int64 m, n, k;
  bool transposeA, transposeB;
  int64 batch = 1;
  Epilogue epilogue = Epilogue::none;
  int activated = 0;  // GELU of a (1) or b (2) is multiplied
  bool bfloat16 = false;

  double operations() const { return 2.0 * double(batch) * double(m) * double(n) * double(k); }
  std::string name() const {
    const char* epilogues[] = {"", " + bias", " + bias + residual", " · GELU′"};
    const char* operands[] = {"", " of GELU(a)", " of GELU(b)"};
    return std::string(transposeA ? "T" : "N") + (transposeB ? "T " : "N ") +
           (batch > 1 ? std::to_string(batch) + "×" : "") + std::to_string(m) + "×" + std::to_string(n) + ", " +
           std::to_string(k) + operands[activated] + epilogues[static_cast<int>(epilogue)];
  }
};

struct Operands {
  Floats a, b, output, bias, residual, preActivation;
  explicit Operands(const Shape& s)
      : a(numbersBelowHalf(s.batch * s.m * s.k)),
        b(numbersBelowHalf(s.batch * s.n * s.k)),
        output(static_cast<size_t>(s.batch * s.m * s.n)),
        bias(numbersBelowHalf(s.n)) {
    if (s.epilogue == Epilogue::residual) residual.resize(output.size());
    if (s.epilogue == Epilogue::geluDerivative) preActivation = numbersBelowHalf(s.batch * s.m * s.n);
  }
};

class Bench {
 public:
  Bench(int threads, int rounds, const char* library, const char* only)
      : machine_(threads), rounds_(rounds), only_(only) {
    if (std::strcmp(library, "-") == 0) return;
    if (void* handle = dlopen(library, RTLD_NOW)) {
      sgemm_ = reinterpret_cast<Sgemm>(dlsym(handle, "cblas_sgemm"));
      setThreads_ = reinterpret_cast<SetThreads>(dlsym(handle, "openblas_set_num_threads"));
      setThreads_(threads);
      std::printf("core %s\n", reinterpret_cast<char* (*)()>(dlsym(handle, "openblas_get_corename"))());
    } else {
      std::fprintf(stderr, "%s\n", dlerror());
    }
  }

  // What every call of this machine has besides its arguments.
  Call context() { return {&machine_.parallel, Machine::scratch, nullptr, &machine_, &machine_.caches}; }

  bool wanted(const std::string& kind, const std::string& name) const {
    return *only_ == 0 || std::regex_search(kind + " " + name, std::regex(only_));
  }

  // Seconds that `operations` take in a loop that never leaves the registers, at the rate of this moment.
  double secondsAtLimit(double operations, bool bfloat16) {
    std::vector<float> sums(static_cast<size_t>(machine_.parallel.threads));
    const int64 tasks = static_cast<int64>(sums.size()), steps = 500000;
    const double start = seconds();
    if (bfloat16)
      SPLITMASK_SET::bfloat16Dots({context(), sums.data(), tasks, steps, 1e-3});
    else
      SPLITMASK_SET::multiplyAdds({context(), sums.data(), tasks, steps, 0.9999, 1e-4});
    return (seconds() - start) * operations / (limitOperations * (bfloat16 ? 2 : 1) * double(tasks) * double(steps));
  }

  // Alternating rounds of all; the first one warms caches and threads. Prints kind, name, operations and the medians of
  // ours, theirs and the limit.
  void measure(const char* kind, const std::string& name, double operations, const std::function<void()>& ours,
               const std::function<void()>& theirs, double theirShare = 1, bool theirsIsOpenBlas = false,
               bool bfloat16 = false) {
    const int threads = machine_.parallel.threads;
    const int repeats = std::max(1, static_cast<int>(1e9 * threads / operations));
    std::vector<double> ourTimes, theirTimes, limitTimes;
    const auto timeOf = [&](const std::function<void()>& body) {
      const double start = seconds();
      for (int i = 0; i < repeats; ++i) body();
      return (seconds() - start) / repeats;
    };
    for (int round = 0; round <= rounds_; ++round) {
      const double limit = secondsAtLimit(operations, bfloat16);
      const double our = timeOf(ours);
      const double their = theirs ? timeOf(theirs) * theirShare : 0;
      // OpenBLAS's threads go on spinning for a while; let them fall asleep before the next round.
      if (theirsIsOpenBlas && threads > 1) std::this_thread::sleep_for(std::chrono::milliseconds(40));
      if (round == 0) continue;
      ourTimes.push_back(our);
      theirTimes.push_back(their);
      limitTimes.push_back(limit);
    }
    std::printf("%s|%s|%.0f|%.9g|%.9g|%.9g\n", kind, name.c_str(), operations, median(ourTimes), median(theirTimes),
                median(limitTimes));
    std::fflush(stdout);
  }

  void gemm(const Shape& s, Operands& operands) {
    const auto optional = [](Floats& values) { return values.empty() ? nullptr : values.data(); };
    const bool biased = s.epilogue != Epilogue::none && s.epilogue != Epilogue::geluDerivative;
    Gemm<float> call{context()};
    call.output = operands.output.data();
    call.a = operands.a.data();
    call.b = operands.b.data();
    call.bias = biased ? operands.bias.data() : nullptr;
    call.residual = optional(operands.residual);
    call.preActivation = optional(operands.preActivation);
    call.m = s.m;
    call.n = s.n;
    call.k = s.k;
    call.batch = s.batch;
    call.transposeA = s.transposeA;
    call.transposeB = s.transposeB;
    call.activation = static_cast<ActivatedOperand>(s.activated);
    call.aLeading = s.transposeA ? s.m : s.k;
    call.bLeading = s.transposeB ? s.k : s.n;
    call.outputLeading = s.n;
    call.aBatchStride = s.m * s.k;
    call.bBatchStride = s.n * s.k;
    call.outputBatchStride = s.m * s.n;
    call.precision = s.bfloat16 ? ProductPrecision::bfloat16 : ProductPrecision::float32;
    call.alpha = 1;
    call.beta = 0;
    SPLITMASK_SET::gemm(call);
  }

  // Product z of the batch.
  void openBlas(const Shape& s, Operands& operands, int64 z) {
    sgemm_(101, s.transposeA ? 112 : 111, s.transposeB ? 112 : 111, int(s.m), int(s.n), int(s.k), 1.0f,
           operands.a.data() + z * s.m * s.k, int(s.transposeA ? s.m : s.k), operands.b.data() + z * s.n * s.k,
           int(s.transposeB ? s.k : s.n), 0.0f, operands.output.data() + z * s.m * s.n, int(s.n));
  }

  // Beside OpenBLAS, which knows no epilogue and leaves it out.
  void besideOpenBlas(const char* kind, const Shape& s) {
    if (!wanted(kind, s.name())) return;
    Operands operands(s);
    const auto theirs = [&] {
      for (int64 z = 0; z < s.batch; ++z) openBlas(s, operands, z);
    };
    measure(
        kind, s.name(), s.operations(), [&] { gemm(s, operands); }, sgemm_ ? std::function<void()>(theirs) : nullptr, 1,
        true);
  }

  // Many small products beside OpenBLAS with one thread a product, as many products at a time as there are threads.
  void besideSingleThreads(const Shape& s) {
    if (!sgemm_ || !wanted("batched1", s.name())) return;
    Operands operands(s);
    struct Context {
      Bench& bench;
      const Shape& shape;
      Operands& operands;
    } context{*this, s, operands};
    setThreads_(1);
    measure(
        "batched1", s.name(), s.operations(), [&] { gemm(s, operands); },
        [&] {
          machine_.pool.run(
              s.batch,
              [](void* given, int64 z, int) {
                auto& c = *static_cast<Context*>(given);
                c.bench.openBlas(c.shape, c.operands, z);
              },
              &context);
        },
        1, true);
    setThreads_(machine_.parallel.threads);
  }

  void bfloat16BesideFloat32(const Shape& s) {
    if (!wanted("bfloat16", s.name())) return;
    Operands operands(s);
    Shape rounded = s;
    rounded.bfloat16 = true;
    measure(
        "bfloat16", s.name(), s.operations(), [&] { gemm(rounded, operands); }, [&] { gemm(s, operands); }, 1, false,
        true);
  }

  void vocabularyHead(int64 rows, int64 words, int64 width, bool bfloat16) {
    const char* kind = bfloat16 ? "vocabulary bfloat16" : "vocabulary";
    const std::string name = std::to_string(rows) + "×" + std::to_string(words) + "×" + std::to_string(width);
    if (!wanted(kind, name)) return;
    const Floats x = numbersBelowHalf(rows * width), weight = numbersBelowHalf(words * width),
                 bias = numbersBelowHalf(words);
    Floats losses(static_cast<size_t>(rows)), xGradient(x.size()), weightGradient(weight.size()),
        biasGradient(bias.size());
    std::vector<int> targets(static_cast<size_t>(rows));
    for (int64 r = 0; r < rows; ++r) targets[static_cast<size_t>(r)] = static_cast<int>(r * 7919 % words);
    LinearCrossEntropy<float> call{context()};
    call.losses = losses.data();
    call.xGradient = xGradient.data();
    call.weightGradient = weightGradient.data();
    call.biasGradient = biasGradient.data();
    call.x = x.data();
    call.weight = weight.data();
    call.bias = bias.data();
    call.targets = targets.data();
    call.rows = rows;
    call.columns = words;
    call.inner = width;
    call.precision = bfloat16 ? ProductPrecision::bfloat16 : ProductPrecision::float32;
    call.gradientScale = 1.0 / double(rows);
    const double products = 6.0 * double(rows) * double(words) * double(width);
    measure(kind, name, products, [&] { SPLITMASK_SET::linearCrossEntropy(call); }, nullptr, 1, false, bfloat16);
  }

  // Activations and gradients that lie in memory as bfloat16 (a, and b of a weight gradient) beside the same numbers as
  // float32, rounded while they are packed. GELU of a linear layer's output is written with its derivative beside the
  // bias alone; GELU's derivative is a factor beside GELU's derivative at given values.
  void heldAsBfloat16(const Shape& s) {
    if (!wanted("held bfloat16", s.name())) return;
    Operands operands(s);
    Shape rounded = s;
    rounded.bfloat16 = true;
    const auto halves = [](int64 size) {
      const Floats values = numbersBelowHalf(size);
      std::vector<Bfloat16, AlignedAllocator<Bfloat16>> rounded(values.size());
      for (size_t i = 0; i < values.size(); ++i) {
        unsigned bits;
        std::memcpy(&bits, &values[i], 4);
        rounded[i].bits = static_cast<unsigned short>(bits >> 16);
      }
      return rounded;
    };
    auto a = halves(s.m * s.k), b = halves(s.n * s.k), output = halves(s.m * s.n), second = halves(s.m * s.n);
    GemmBfloat16<float> call{context()};
    const bool activates = s.epilogue == Epilogue::bias, multiplies = s.epilogue == Epilogue::geluDerivative;
    call.outputType = activates || multiplies ? ElementType::bfloat16 : ElementType::dtype;
    call.output = activates || multiplies ? static_cast<void*>(output.data()) : operands.output.data();
    call.derivative = activates ? second.data() : nullptr;
    call.factor = multiplies ? second.data() : nullptr;
    call.bias = s.epilogue == Epilogue::none || multiplies ? nullptr : operands.bias.data();
    call.residual = s.epilogue == Epilogue::residual ? operands.residual.data() : nullptr;
    call.activated = activates;
    call.aType = multiplies ? ElementType::dtype : ElementType::bfloat16;
    call.a = multiplies ? static_cast<const void*>(operands.a.data()) : a.data();
    call.bType = s.transposeA ? ElementType::bfloat16 : ElementType::dtype;
    call.b = s.transposeA ? static_cast<const void*>(b.data()) : operands.b.data();
    call.m = s.m;
    call.n = s.n;
    call.k = s.k;
    call.transposeA = s.transposeA;
    call.transposeB = s.transposeB;
    measure(
        "held bfloat16", s.name(), s.operations(), [&] { SPLITMASK_SET::gemmBfloat16(call); },
        [&] { gemm(rounded, operands); }, 1, false, true);
  }

  // A shape with tails beside a full one, whose time is scaled to the same operations.
  void besideFullShape(const Shape& s, const Shape& full) {
    const char* kind = s.bfloat16 ? "tails bfloat16" : "tails";
    const std::string name = s.name() + " / " + full.name();
    if (!wanted(kind, name)) return;
    Operands operands(s), fullOperands(full);
    measure(
        kind, name, s.operations(), [&] { gemm(s, operands); }, [&] { gemm(full, fullOperands); },
        s.operations() / full.operations(), false, s.bfloat16);
  }

 private:
  Machine machine_;
  int rounds_;
  const char* only_;
  Sgemm sgemm_ = nullptr;
  SetThreads setThreads_ = nullptr;
};

}  // namespace

int main(int count, char** arguments) {
  const int threads = count > 1 ? std::atoi(arguments[1]) : 1;
  processorTime = threads == 1;
  Bench bench(threads, count > 2 ? std::atoi(arguments[2]) : 7, count > 3 ? arguments[3] : "-",
              count > 4 ? arguments[4] : "");
  pinThreads(threads);

  // qkv, projection and the two layers of the MLP; each forward, the input's and the weight's gradient.
  const auto layersOf = [](int64 width, int64 rows, std::vector<Shape>& products) {
    const int64 layers[][2] = {{width, 3 * width}, {width, width}, {width, 4 * width}, {4 * width, width}};
    for (const auto& [in, out] : layers) {
      products.push_back({rows, out, in, false, true});
      products.push_back({rows, in, out, false, false});
      products.push_back({out, in, rows, true, false});
    }
  };
  // ViT-Ti, S, B with 8 and 64 half sequences of 98 tokens.
  std::vector<Shape> products = {
      {1024, 1024, 1024, false, false}, {1024, 1024, 1024, false, true}, {1024, 1024, 1024, true, false}};
  const int64 widths[] = {192, 384, 768}, batches[] = {8, 64};
  for (const int64 width : widths)
    for (const int64 batch : batches) layersOf(width, 98 * batch, products);
  for (const Shape& shape : products) bench.besideOpenBlas("float32", shape);
  for (const Shape& shape : products) bench.bfloat16BesideFloat32(shape);
  const auto heldOf = [&](int64 width, int64 rows) {
    std::vector<Shape> held;
    layersOf(width, rows, held);
    for (const Shape& shape : held) bench.heldAsBfloat16(shape);
    bench.heldAsBfloat16({rows, 4 * width, width, false, true, 1, Epilogue::bias});
    bench.heldAsBfloat16({rows, width, 4 * width, false, true, 1, Epilogue::residual, 1});
    bench.heldAsBfloat16({rows, 4 * width, width, false, false, 1, Epilogue::geluDerivative});
    bench.heldAsBfloat16({width, 4 * width, rows, true, false, 1, Epilogue::none, 2});
  };
  heldOf(192, 6272);
  heldOf(384, 3136);
  heldOf(128, 8192);
  // What most people train: width 128, both halves of 128 pictures of 64 tokens.
  std::vector<Shape> small;
  layersOf(128, 8192, small);
  for (const Shape& shape : small) bench.besideOpenBlas("small", shape);
  for (const int64 width : widths) {
    for (const int64 batch : batches) {
      const int64 rows = 98 * batch;
      bench.besideOpenBlas("epilogue", {rows, 3 * width, width, false, true, 1, Epilogue::bias});
      bench.besideOpenBlas("epilogue", {rows, width, 4 * width, false, true, 1, Epilogue::residual, 1});
      bench.besideOpenBlas("epilogue", {rows, 4 * width, width, false, false, 1, Epilogue::geluDerivative});
      bench.besideOpenBlas("epilogue", {width, 4 * width, rows, true, false, 1, Epilogue::none, 2});
    }
  }
  // The vocabulary head with its cross-entropy and all gradients.
  for (const bool bfloat16 : {false, true}) {
    bench.vocabularyHead(8192, 8192, 128, bfloat16);
    bench.vocabularyHead(6272, 8192, 192, bfloat16);
    bench.vocabularyHead(3136, 8192, 384, bfloat16);
  }
  // A product for every sample and head of attention.
  for (const int64 tokens : {49, 98, 196}) {
    for (const Shape& shape : {Shape{tokens, tokens, 64, false, true, 96}, Shape{tokens, 64, tokens, false, false, 96},
                               Shape{tokens, 64, tokens, true, false, 96}}) {
      bench.besideOpenBlas("batched", shape);
      bench.besideSingleThreads(shape);
    }
  }
  // Few rows: a classifier's or an encoder's single vectors.
  for (const int64 rows : {1, 4}) {
    bench.besideOpenBlas("rows", {rows, 1536, 384, false, true});
    bench.besideOpenBlas("rows", {rows, 384, 1536, false, true});
    bench.besideOpenBlas("rows", {rows, 384, 1536, false, false});
  }
  // Odd token counts, widths that are no multiple of a vector.
  const Shape tails[][2] = {
      {{97 * 15, 384, 384, false, true}, {98 * 15, 384, 384, false, true}},
      {{97 * 15, 200, 200, false, true}, {98 * 15, 192, 192, false, true}},
      {{97 * 15, 200, 200, false, false}, {98 * 15, 192, 192, false, false}},
      {{200, 200, 97 * 15, true, false}, {192, 192, 98 * 15, true, false}},
      {{97 * 15, 800, 200, false, true}, {98 * 15, 768, 192, false, true}},
      {{97 * 15, 37, 384, false, true}, {98 * 15, 32, 384, false, true}},
      {{97 * 15, 384, 37, false, true}, {98 * 15, 384, 32, false, true}},
      {{97, 97, 64, false, true, 96}, {98, 96, 64, false, true, 96}},
      {{97, 37, 97, false, false, 96}, {98, 32, 96, false, false, 96}},
  };
  for (const auto& [shape, full] : tails) {
    bench.besideFullShape(shape, full);
    Shape rounded = shape, roundedFull = full;
    rounded.bfloat16 = roundedFull.bfloat16 = true;
    bench.besideFullShape(rounded, roundedFull);
  }

  // samples, tokens, heads, head width
  const int64 attentions[][4] = {{64, 98, 3, 64},  {32, 196, 3, 64}, {32, 98, 6, 64},
                                 {16, 196, 6, 64}, {256, 32, 3, 64}, {128, 64, 3, 64},
                                 {128, 32, 4, 32}, {8, 98, 6, 64},   {2, 784, 6, 64}};
  for (const auto& [batch, tokens, heads, width] : attentions) {
    const std::string shape = std::to_string(batch) + "×" + std::to_string(tokens) + "×" + std::to_string(heads) + "×" +
                              std::to_string(width);
    if (!bench.wanted("attention", shape)) continue;
    const int64 merged = batch * tokens * heads * width;
    Floats qkv = numbersBelowHalf(3 * merged), gradient = numbersBelowHalf(merged), qkvGradient(qkv.size());
    Floats output(gradient.size()), logSumExp(static_cast<size_t>(batch * heads * tokens));
    const double product = 2.0 * double(merged) * double(tokens);
    for (const ProductPrecision precision : {ProductPrecision::float32, ProductPrecision::bfloat16}) {
      const bool rounded = precision == ProductPrecision::bfloat16;
      const auto forward = [&](ProductPrecision of) {
        SPLITMASK_SET::attention(
            {bench.context(), output.data(), logSumExp.data(), qkv.data(), batch, tokens, heads, width, of, 0.125});
      };
      const auto backward = [&](ProductPrecision of) {
        SPLITMASK_SET::attentionBackward({bench.context(), qkvGradient.data(), gradient.data(), qkv.data(),
                                          logSumExp.data(), batch, tokens, heads, width, of, 0.125});
      };
      const auto measure = [&](const std::string& kind, double operations, const auto& pass) {
        // Rounded beside float32.
        std::function<void()> other;
        if (rounded) other = [&] { pass(ProductPrecision::float32); };
        bench.measure((kind + (rounded ? " bfloat16" : "")).c_str(), shape, operations, [&] { pass(precision); }, other,
                      1, false, rounded);
      };
      measure("attention", 2 * product, forward);
      measure("attentionBackward", 5 * product, backward);
    }
  }
}
