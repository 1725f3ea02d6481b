// Times gemm beside OpenBLAS and beside a loop of multiply-adds in registers, in alternating rounds of one process. bench/gemm.mjs compiles and runs it.
// Arguments: threads, rounds, path of OpenBLAS (or "-"). One line a measurement: name, operations, and medians of seconds of ours, theirs (0: none) and
// the limit. With one thread the time is the processor's, so that other programs disturb less; with more it is the clock's.
#include <dirent.h>
#include <dlfcn.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "../native/parallel.h"
#include "../native/runtime/thread_pool.h"
#include "../native/vector.h"

namespace splitmask::SPLITMASK_SET {
void gemm(const Call& call);
void attention(const Call& call);
void attentionBackward(const Call& call);
}

using namespace splitmask;
using splitmask::SPLITMASK_SET::lanes;
using splitmask::SPLITMASK_SET::Vector;

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

// Two times lanes multiply-adds an instruction, on as many independent accumulators as hide their latency.
constexpr int chains = 12;
constexpr int64 limitSteps = 400000;
__attribute__((noinline)) float multiplyAdds() {
  Vector sums[chains];
  for (int i = 0; i < chains; ++i) sums[i] = Vector{} + static_cast<float>(i);
  Vector x = Vector{} + 0.9999f, y = Vector{} + 1e-4f;
  __asm__ volatile("" : "+m"(x), "+m"(y));
  const Vector a = x, b = y;
  for (int64 step = 0; step < limitSteps; ++step) {
#pragma GCC unroll 12
    for (int i = 0; i < chains; ++i) sums[i] = sums[i] * a + b;
  }
  float total = 0;
  for (int i = 0; i < chains; ++i) total += sums[i][0];
  return total;
}

// Puts the first thread on the first core and each library's workers on the others. Short rounds are over before the scheduler has spread threads that it woke on one core.
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

struct Shape {
  int64 m, n, k;
  bool transposeA, transposeB;
};

using Sgemm = void (*)(int, int, int, int, int, int, float, const float*, int, const float*, int, float, float*, int);

std::vector<float> numbersBelowHalf(int64 size) {
  std::vector<float> values(static_cast<size_t>(size));
  unsigned state = 1;
  for (float& value : values) value = static_cast<float>((state = state * 1664525u + 1013904223u) >> 8) / 16777216.0f - 0.5f;
  return values;
}

void measure(
    Machine& machine, int rounds, const std::string& name, double operations, const std::function<void()>& ours,
    const std::function<void()>& theirs) {
  const int threads = machine.parallel.threads;
  const int repeats = std::max(1, static_cast<int>(1e9 * threads / operations));
  std::vector<double> ourTimes, theirTimes, limitTimes;
  for (int round = 0; round <= rounds; ++round) {
    double start = seconds();
    float sink = 0;
    machine.pool.run(
        threads,
        [](void* context, int64, int thread) {
          const float value = multiplyAdds();
          if (thread == 0) *static_cast<float*>(context) = value;
        },
        &sink);
    __asm__ volatile("" : : "m"(sink));
    const double limit = (seconds() - start) / (2.0 * chains * lanes * double(limitSteps) * threads);
    start = seconds();
    for (int i = 0; i < repeats; ++i) ours();
    const double our = (seconds() - start) / repeats;
    double their = 0;
    if (theirs) {
      start = seconds();
      for (int i = 0; i < repeats; ++i) theirs();
      their = (seconds() - start) / repeats;
      // Its threads go on spinning for a while; let them fall asleep before the next round.
      std::this_thread::sleep_for(std::chrono::milliseconds(threads > 1 ? 40 : 0));
    }
    if (round == 0) continue;  // warms caches and threads
    ourTimes.push_back(our);
    theirTimes.push_back(their);
    limitTimes.push_back(limit * operations);
  }
  std::printf("%s|%.0f|%.9g|%.9g|%.9g\n", name.c_str(), operations, median(ourTimes), median(theirTimes), median(limitTimes));
  std::fflush(stdout);
}

}  // namespace

int main(int count, char** arguments) {
  const int threads = count > 1 ? std::atoi(arguments[1]) : 1;
  const int rounds = count > 2 ? std::atoi(arguments[2]) : 7;
  processorTime = threads == 1;
  Sgemm sgemm = nullptr;
  if (count > 3 && std::strcmp(arguments[3], "-") != 0) {
    if (void* library = dlopen(arguments[3], RTLD_NOW)) {
      sgemm = reinterpret_cast<Sgemm>(dlsym(library, "cblas_sgemm"));
      reinterpret_cast<void (*)(int)>(dlsym(library, "openblas_set_num_threads"))(threads);
      std::printf("core %s\n", reinterpret_cast<char* (*)()>(dlsym(library, "openblas_get_corename"))());
    } else {
      std::fprintf(stderr, "%s\n", dlerror());
    }
  }
  Machine machine(threads);
  pinThreads(threads);
  const auto run = [&](void (*kernel)(const Call&), void* const* buffers, const double* numbers) {
    Call call{};
    call.buffers = buffers;
    call.numbers = numbers;
    call.parallel = &machine.parallel;
    call.scratch = Machine::scratch;
    call.device = &machine;
    kernel(call);
  };

  // NN: a·b; NT: a·bᵀ (a linear layer); TN: aᵀ·b (its weight gradient).
  const Shape shapes[] = {
      {1024, 1024, 1024, false, false}, {1024, 1024, 1024, false, true}, {1024, 1024, 1024, true, false},
      // ViT-S, 8 × 196 tokens: projection, qkv, MLP, and their gradients
      {1568, 384, 384, false, true}, {1568, 1152, 384, false, true}, {1568, 1536, 384, false, true},
      {1568, 384, 1536, false, true}, {1568, 384, 1536, false, false}, {1568, 1536, 384, false, false},
      {384, 384, 1568, true, false}, {1536, 384, 1568, true, false}, {384, 1536, 1568, true, false},
      // a small ViT of width 128, 128 × 32 tokens
      {4096, 128, 128, false, true}, {4096, 384, 128, false, true}, {4096, 512, 128, false, true},
      {4096, 128, 512, false, true}, {4096, 128, 512, false, false}, {128, 128, 4096, true, false},
      {512, 128, 4096, true, false}, {128, 512, 4096, true, false},
      // vocabulary head, InfoNCE
      {2048, 8192, 128, false, true}, {2048, 128, 8192, false, false}, {8192, 128, 2048, true, false},
      {128, 128, 128, false, true},
  };
  for (const Shape& shape : shapes) {
    const int64 m = shape.m, n = shape.n, k = shape.k;
    const bool transposeA = shape.transposeA, transposeB = shape.transposeB;
    std::vector<float> a = numbersBelowHalf(m * k), b = numbersBelowHalf(n * k), output(static_cast<size_t>(m * n));
    const int64 aLeading = transposeA ? m : k, bLeading = transposeB ? k : n;
    void* buffers[] = {output.data(), a.data(), b.data(), nullptr, nullptr, nullptr};
    const double numbers[] = {
        double(m), double(n), double(k), 1, double(transposeA), double(transposeB), 1, 0, 0, double(aLeading), double(bLeading),
        double(n), 0, 0, 0};
    const std::string name = std::string("gemm ") + (transposeA ? 'T' : 'N') + (transposeB ? 'T' : 'N') + " " +
                             std::to_string(m) + "×" + std::to_string(n) + ", " + std::to_string(k);
    const auto theirs = [&] {
      sgemm(
          101, transposeA ? 112 : 111, transposeB ? 112 : 111, int(m), int(n), int(k), 1.0f, a.data(), int(aLeading), b.data(),
          int(bLeading), 0.0f, output.data(), int(n));
    };
    measure(
        machine, rounds, name, 2.0 * double(m) * double(n) * double(k), [&] { run(SPLITMASK_SET::gemm, buffers, numbers); },
        sgemm ? std::function<void()>(theirs) : nullptr);
  }

  // samples, tokens, heads, head width
  const int64 attentions[][4] = {{64, 98, 3, 64}, {32, 196, 3, 64}, {32, 98, 6, 64}, {16, 196, 6, 64}, {256, 32, 3, 64},
                                {128, 64, 3, 64}, {128, 32, 4, 32}, {8, 98, 6, 64}, {2, 784, 6, 64}};
  for (const auto& [batch, tokens, heads, width] : attentions) {
    const int64 merged = batch * tokens * heads * width;
    std::vector<float> qkv = numbersBelowHalf(3 * merged), gradient = numbersBelowHalf(merged), qkvGradient(qkv.size());
    std::vector<float> output(gradient.size()), logSumExp(static_cast<size_t>(batch * heads * tokens));
    const double numbers[] = {double(batch), double(tokens), double(heads), double(width), 0.125};
    void* forward[] = {output.data(), logSumExp.data(), qkv.data()};
    void* backward[] = {qkvGradient.data(), gradient.data(), qkv.data(), logSumExp.data()};
    const std::string shape = std::to_string(batch) + "×" + std::to_string(tokens) + "×" + std::to_string(heads) + "×" + std::to_string(width);
    const double product = 2.0 * double(merged) * double(tokens);
    measure(
        machine, rounds, "attention " + shape, 2 * product, [&] { run(SPLITMASK_SET::attention, forward, numbers); }, nullptr);
    measure(
        machine, rounds, "attentionBackward " + shape, 5 * product,
        [&] { run(SPLITMASK_SET::attentionBackward, backward, numbers); }, nullptr);
  }
}
