#include "executor.h"

#if defined(_WIN32)
#include <windows.h>
#endif
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "../bfloat16.h"

namespace splitmask {

static constexpr int spins = 500;

Executor::Executor(int threads, CacheSizes caches, std::vector<Kernel> float32, std::vector<Kernel> float64,
                   std::function<void()> completed, bool ownThread)
    : pool_(threads),
      shared_{[](void* pool, int64 tasks, void (*body)(void*, int64, int), void* context) {
                static_cast<ThreadPool*>(pool)->run(tasks, body, context);
              },
              &pool_, threads},
      parallel_(shared_),
      caches_(caches),
      kernels_{std::move(float32), std::move(float64)},
      completed_(std::move(completed)),
      scratch_(static_cast<size_t>(threads)) {
  if (ownThread) thread_ = std::make_unique<Thread>([this] { loop(); });
}

Executor::~Executor() {
  {
    Lock lock(mutex_);
    stopping_.store(true);
  }
  wake_.notify_all();
  if (thread_ != nullptr) thread_->join();
  for (auto& each : scratch_)
    for (Block block : each.blocks) MemoryPool::returnToSystem(block);
}

// Spins before it sleeps: both sides hold the lock for less than a microsecond, but on a busy machine a thread that
// sleeps gets a core only when another thread's time slice is over.
static Lock lockSoon(Mutex& mutex) {
  Lock lock(mutex, std::defer_lock);
  for (int spin = 0; spin < spins; ++spin) {
    if (lock.try_lock()) return lock;
    pause();
  }
  lock.lock();
  return lock;
}

// ── the JavaScript side: commands are appended under the lock ──

uint64_t* Executor::begin(Lock& lock, Type type, size_t words, size_t hostBytes) {
  lock = lockSoon(mutex_);
  if (isFull(hostBytes)) {
    waitingForSpace_.store(true);
    space_.wait(lock, [&] { return !isFull(hostBytes); });
    waitingForSpace_.store(false);
  }
  pending_.fetch_add(1);
  if (hostBytes > 0) pendingHostBytes_.fetch_add(static_cast<int64>(hostBytes));
  const size_t at = incoming_.size();
  incoming_.resize(at + 1 + words);
  const Header header{type, static_cast<uint32_t>(1 + words)};
  std::memcpy(&incoming_[at], &header, sizeof header);
  return &incoming_[at + 1];
}

void Executor::end(Lock& lock) {
  hasIncoming_.store(true, std::memory_order_release);
  const bool wake = sleeping_;
  sleeping_ = false;
  if (wake) woken_ = std::chrono::steady_clock::now();
  lock.unlock();
  if (wake) wake_.notify_one();
}

void Executor::enqueueKernel(int kernel, bool float64, int64 eachCount, const std::vector<void*>& buffers,
                             const std::vector<double>& numbers, const std::vector<void*>& eachBuffers,
                             const std::vector<double>& eachNumbers, const std::vector<Check>& checks) {
  static_assert(sizeof(Check) == 5 * sizeof(uint64_t), "a check is five words");
  Lock lock;
  const size_t words =
      3 + buffers.size() + numbers.size() + eachBuffers.size() + eachNumbers.size() + 5 * checks.size();
  uint64_t* to = begin(lock, Type::kernel, words);
  *to++ = static_cast<uint64_t>(kernel) << 1 | (float64 ? 1 : 0);
  *to++ = static_cast<uint64_t>(eachCount);
  *to++ = checks.size();
  const auto append = [&](const auto& list) {
    if (!list.empty()) std::memcpy(to, list.data(), list.size() * sizeof list[0]);
    to += list.size() * sizeof list[0] / sizeof(uint64_t);
  };
  const auto appendPointers = [&](const std::vector<void*>& list) {
    if constexpr (sizeof(void*) == sizeof(uint64_t)) return append(list);
    for (void* pointer : list) *to++ = reinterpret_cast<uint64_t>(pointer);
  };
  appendPointers(buffers);
  append(numbers);
  appendPointers(eachBuffers);
  append(eachNumbers);
  append(checks);
  end(lock);
}

void Executor::upload(void* destination, const void* source, size_t bytes) {
  if (bytes == 0) return;
  if (uploadsNow()) {
    std::memcpy(destination, source, bytes);
    return;
  }
  void* staging = ::operator new(bytes);
  std::memcpy(staging, source, bytes);
  uploadStaged(destination, staging, bytes);
}

void Executor::uploadStaged(void* destination, void* staging, size_t bytes) {
  Lock lock;
  uint64_t* to = begin(lock, Type::uploadStaged, 3, bytes);
  to[0] = reinterpret_cast<uint64_t>(destination);
  to[1] = reinterpret_cast<uint64_t>(staging);
  to[2] = bytes;
  end(lock);
}

void Executor::uploadLater(void* destination, const void* source, size_t bytes, uint32_t ticket) {
  Lock lock;
  uint64_t* to = begin(lock, Type::upload, 4);
  to[0] = reinterpret_cast<uint64_t>(destination);
  to[1] = reinterpret_cast<uint64_t>(source);
  to[2] = bytes;
  to[3] = ticket;
  end(lock);
}

void Executor::download(void* destination, const void* source, size_t bytes, uint32_t ticket) {
  Lock lock;
  uint64_t* to = begin(lock, Type::download, 4);
  to[0] = reinterpret_cast<uint64_t>(destination);
  to[1] = reinterpret_cast<uint64_t>(source);
  to[2] = bytes;
  to[3] = ticket;
  end(lock);
}

void Executor::synchronize(uint32_t ticket) {
  Lock lock;
  *begin(lock, Type::synchronize, 1) = ticket;
  end(lock);
}

void Executor::returnToSystem(const std::vector<Block>& blocks) {
  for (Block block : blocks) {
    Lock lock;
    uint64_t* to = begin(lock, Type::unmap, 2);
    to[0] = reinterpret_cast<uint64_t>(block.memory);
    to[1] = block.bytes;
    end(lock);
  }
}

void Executor::release(std::shared_ptr<void> owner) {
  Lock lock;
  *begin(lock, Type::releaseOwner, 1) = reinterpret_cast<uint64_t>(new std::shared_ptr<void>(std::move(owner)));
  end(lock);
}

void Executor::startProfile(int simulatedThreads) {
  everyUploadQueued_ = true;
  Lock lock;
  *begin(lock, Type::startProfile, 1) = static_cast<uint64_t>(simulatedThreads);
  end(lock);
}

void Executor::stopProfile(uint32_t ticket) {
  everyUploadQueued_ = false;
  Lock lock;
  *begin(lock, Type::stopProfile, 1) = ticket;
  end(lock);
}

std::vector<Completion> Executor::takeCompletions() {
  Lock lock(completionMutex_);
  std::vector<Completion> taken;
  taken.swap(completions_);
  return taken;
}

// ── the executor thread ──

void Executor::loop() {
  for (;;) {
    const bool empty = profiling_ && !hasIncoming_.load(std::memory_order_acquire);
    const double emptyFrom = empty ? profileTime() : 0;
    for (int spin = 0; spin < spins && !hasIncoming_.load(std::memory_order_acquire) && !stopping_.load(); ++spin)
      pause();
    {
      Lock lock = lockSoon(mutex_);
      const bool sleeps = incoming_.empty();
      while (incoming_.empty() && !stopping_.load()) {
        sleeping_ = true;
        wake_.wait(lock);
      }
      sleeping_ = false;
      if (empty) recordWait(emptyFrom, sleeps ? woken_ : std::chrono::steady_clock::now());
      takeQueued();
    }
    runBatch();
    if (stopping_.load()) {
      Lock lock(mutex_);
      if (incoming_.empty()) return;
    }
  }
}

void Executor::runQueued() {
  takeQueued();
  runBatch();
}

// Under the lock.
void Executor::takeQueued() {
  batch_.clear();
  batch_.swap(incoming_);
  hasIncoming_.store(false, std::memory_order_relaxed);
}

void Executor::runBatch() {
  for (size_t at = 0; at < batch_.size();) {
    Header header;
    std::memcpy(&header, &batch_[at], sizeof header);
    if (stopping_.load()) {
      // What the queue owns goes back even when it is not run.
      if (header.type == Type::uploadStaged) ::operator delete(reinterpret_cast<void*>(batch_[at + 2]));
      if (header.type == Type::unmap || header.type == Type::releaseOwner) execute(&batch_[at]);
    } else {
      execute(&batch_[at]);
      if (profiling_) recordProfile(&batch_[at]);
      pending_.fetch_sub(1);
      if (waitingForSpace_.load()) {
        Lock lock(mutex_);
        space_.notify_one();
      }
    }
    at += header.words;
  }
}

void Executor::execute(uint64_t* command) {
  Header header;
  std::memcpy(&header, command, sizeof header);
  uint64_t* words = command + 1;
  switch (header.type) {
    case Type::kernel:
      executeKernel(words);
      break;
    case Type::uploadStaged:
      copy(words);
      ::operator delete(reinterpret_cast<void*>(words[1]));
      pendingHostBytes_.fetch_sub(static_cast<int64>(words[2]));
      break;
    case Type::upload:
    case Type::download:
      copy(words);
      complete(static_cast<uint32_t>(words[3]), header.type == Type::download);
      break;
    case Type::synchronize:
      complete(static_cast<uint32_t>(words[0]), true);
      break;
    case Type::unmap:
      MemoryPool::returnToSystem({reinterpret_cast<void*>(words[0]), static_cast<size_t>(words[1])});
      break;
    case Type::releaseOwner:
      delete reinterpret_cast<std::shared_ptr<void>*>(words[0]);
      break;
    case Type::startProfile:
      profile_.assign(1, 0);
      profileStart_ = std::chrono::steady_clock::now();
      profiling_ = pool_.measuring = true;
      simulating_ = words[0] > 0;
      if (simulating_) {
        const auto run = [](void* executor, int64 tasks, void (*body)(void*, int64, int), void* context) {
          static_cast<Executor*>(executor)->runAlone(tasks, body, context);
        };
        parallel_ = {run, this, static_cast<int>(words[0])};
      }
      break;
    case Type::stopProfile:
      profile_[0] = profileTime();
      profiling_ = pool_.measuring = simulating_ = false;
      parallel_ = shared_;
      complete(static_cast<uint32_t>(words[0]), false, std::move(profile_));
      break;
  }
}

double Executor::profileTime() const {
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - profileStart_).count();
}

#if defined(_WIN32)

static uint64_t cyclesOfThread() {
  ULONG64 cycles = 0;
  QueryThreadCycleTime(GetCurrentThread(), &cycles);
  return cycles;
}

// Cycles of the thread by their length, which is measured once: Windows counts a thread's seconds in steps of 16 ms.
static double cpuTimeOfThread() {
  static const double nanosecondsPerCycle = [] {
    const auto start = std::chrono::steady_clock::now();
    const uint64_t cycles = cyclesOfThread();
    std::chrono::duration<double, std::nano> passed{0};
    while (passed < std::chrono::milliseconds(2)) passed = std::chrono::steady_clock::now() - start;
    const uint64_t counted = cyclesOfThread() - cycles;
    return counted > 0 ? passed.count() / static_cast<double>(counted) : 0;
  }();
  return static_cast<double>(cyclesOfThread()) * nanosecondsPerCycle;
}

#else

static double cpuTimeOfThread() {
#if defined(__wasm__)
  // WebAssembly knows no CPU time.
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now().time_since_epoch()).count();
#else
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return 1e9 * static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec);
#endif
}

#endif

// Runs a kernel or a copy; while a profile is taken, measures its time.
template <class Work> void Executor::timed(const Work& work) {
  if (!profiling_) return work();
  pool_.waited = taskCpu_ = 0;
  phases_ = 0;
  phaseTasks_.clear();
  const double cpu = simulating_ ? cpuTimeOfThread() : 0;
  workStart_ = profileTime();
  work();
  workDuration_ = profileTime() - workStart_;
  workCpu_ = simulating_ ? cpuTimeOfThread() - cpu : 0;
}

// Runs a parallel phase on simulated threads: task after task on this thread, with the CPU time of each.
void Executor::runAlone(int64 tasks, void (*body)(void*, int64, int), void* context) {
  phases_ += 1;
  phaseTasks_.reserve(phaseTasks_.size() + static_cast<size_t>(tasks) + 1);
  phaseTasks_.push_back(static_cast<double>(tasks));
  double before = cpuTimeOfThread();
  for (int64 task = 0; task < tasks; ++task) {
    body(context, task, 0);
    const double now = cpuTimeOfThread();
    phaseTasks_.push_back(now - before);
    taskCpu_ += now - before;
    before = now;
  }
}

void Executor::recordWait(double start, std::chrono::steady_clock::time_point end) {
  const double until = std::chrono::duration<double, std::nano>(end - profileStart_).count();
  if (until > start) profile_.insert(profile_.end(), {3.0, start, until - start});
}

void Executor::recordProfile(const uint64_t* command) {
  const double start = workStart_, duration = workDuration_;
  Header header;
  std::memcpy(&header, command, sizeof header);
  const uint64_t* words = command + 1;
  if (header.type == Type::uploadStaged || header.type == Type::upload || header.type == Type::download) {
    profile_.insert(profile_.end(),
                    {header.type == Type::download ? 2.0 : 1.0, start, duration, static_cast<double>(words[2])});
    return;
  }
  if (header.type != Type::kernel) return;
  const uint64_t kernel = words[0] >> 1, eachCount = words[1];
  const KernelInfo& info = kernelInfos[kernel];
  profile_.insert(profile_.end(), {0.0, start, duration, pool_.waited, static_cast<double>(kernel),
                                   static_cast<double>(words[0] & 1), static_cast<double>(eachCount)});
  const auto append = [this](const uint64_t* buffers, uint64_t bufferCount, uint64_t numberCount) {
    const auto* numbers = reinterpret_cast<const double*>(buffers + bufferCount);
    profile_.insert(profile_.end(), numbers, numbers + numberCount);
    for (uint64_t i = 0; i < bufferCount; ++i) profile_.push_back(buffers[i] == 0 ? 0 : 1);
    return buffers + bufferCount + numberCount;
  };
  const uint64_t* items = append(words + 3, static_cast<uint64_t>(info.buffers), static_cast<uint64_t>(info.numbers));
  append(items, eachCount * static_cast<uint64_t>(info.eachBuffers),
         eachCount * static_cast<uint64_t>(info.eachNumbers));
  if (!simulating_) {
    profile_.push_back(-1);
    return;
  }
  profile_.insert(profile_.end(), {static_cast<double>(phases_), std::fmax(0, workCpu_ - taskCpu_)});
  profile_.insert(profile_.end(), phaseTasks_.begin(), phaseTasks_.end());
}

// Copies words[2] bytes from words[1] to words[0].
void Executor::copy(const uint64_t* words) {
  timed([words] {
    if (words[2] > 0)
      std::memcpy(reinterpret_cast<void*>(words[0]), reinterpret_cast<void*>(words[1]), static_cast<size_t>(words[2]));
  });
}

void Executor::executeKernel(uint64_t* words) {
  const int kernel = static_cast<int>(words[0] >> 1);
  const bool float64 = (words[0] & 1) != 0;
  const int64 eachCount = static_cast<int64>(words[1]);
  const int64 checkCount = static_cast<int64>(words[2]);
  const KernelInfo& info = kernelInfos[kernel];
  uint64_t* buffers = words + 3;
  uint64_t* numbers = buffers + info.buffers;
  uint64_t* eachBuffers = numbers + info.numbers;
  uint64_t* eachNumbers = eachBuffers + eachCount * info.eachBuffers;
  uint64_t* checks = eachNumbers + eachCount * info.eachNumbers;
  QueuedCall call;
  if constexpr (sizeof(void*) == sizeof(uint64_t)) {
    call.buffers = reinterpret_cast<void* const*>(buffers);
    call.eachBuffers = reinterpret_cast<void* const*>(eachBuffers);
  } else {
    pointers_.clear();
    for (uint64_t* word = buffers; word < numbers; ++word) pointers_.push_back(reinterpret_cast<void*>(*word));
    for (uint64_t* word = eachBuffers; word < eachNumbers; ++word) pointers_.push_back(reinterpret_cast<void*>(*word));
    call.buffers = pointers_.data();
    call.eachBuffers = pointers_.data() + info.buffers;
  }
  call.numbers = reinterpret_cast<const double*>(numbers);
  call.eachCount = eachCount;
  call.eachNumbers = reinterpret_cast<const double*>(eachNumbers);
  call.parallel = &parallel_;
  call.scratch = scratch;
  call.fail = fail;
  call.device = this;
  call.caches = &caches_;
  runningKernel_ = kernel;
  timed([&] { kernels_[float64 ? 1 : 0][static_cast<size_t>(kernel)](call); });
  for (auto& each : scratch_)
    while (each.blocks.size() > 1) {
      MemoryPool::returnToSystem(each.blocks.front());
      each.blocks.erase(each.blocks.begin());
    }
  if (checkCount > 0) checkOutputs(kernel, reinterpret_cast<const Check*>(checks), checkCount);
}

static bool isFinite(Bfloat16 value) { return (value.bits & 0x7f80) != 0x7f80; }
template <class T> static bool isFinite(T value) { return std::isfinite(value); }

template <class T> static bool allFinite(const Executor::Check& check, int64& position) {
  for (int64 row = 0; row < check.rows; ++row) {
    const T* values = static_cast<const T*>(check.memory) + row * check.leading;
    for (int64 column = 0; column < check.columns; ++column)
      if (!isFinite(values[column])) {
        position = row * check.columns + column;
        return false;
      }
  }
  return true;
}

void Executor::checkOutputs(int kernel, const Check* checks, int64 count) {
  for (int64 i = 0; i < count; ++i) {
    int64 position = 0;
    const Check& check = checks[i];
    const bool finite = check.elementBytes == 8   ? allFinite<double>(check, position)
                        : check.elementBytes == 4 ? allFinite<float>(check, position)
                                                  : allFinite<Bfloat16>(check, position);
    if (finite) continue;
    char text[160];
    std::snprintf(text, sizeof text, "output %lld has a value that is not finite at element %lld (checkFinite is on)",
                  static_cast<long long>(i), static_cast<long long>(position));
    recordError(kernelInfos[kernel].name, text);
    return;
  }
}

void Executor::complete(uint32_t ticket, bool reportsError, std::vector<double> profile) {
  Completion completion{ticket, {}, std::move(profile)};
  if (reportsError) {
    Lock lock(errorMutex_);
    completion.error.swap(error_);
  }
  {
    Lock lock(completionMutex_);
    completions_.push_back(std::move(completion));
  }
  completed_();
}

void Executor::recordError(const char* kernel, const std::string& text) {
  Lock lock(errorMutex_);
  if (error_.empty()) error_ = std::string(kernel) + ": " + text;
}

void* Executor::scratch(const Call& call, int thread, int64 bytes) {
  auto& blocks = static_cast<Executor*>(call.device)->scratch_[static_cast<size_t>(thread)].blocks;
  if (blocks.empty() || blocks.back().bytes < static_cast<size_t>(bytes)) {
    const Block block = MemoryPool::fromSystem(static_cast<size_t>(bytes));
    if (block.memory == nullptr) std::abort();  // a kernel has no way to go on without its scratch memory
    blocks.push_back(block);
  }
  return blocks.back().memory;
}

void Executor::fail(const Call& call, const char* text, double given, double expected) {
  auto* executor = static_cast<Executor*>(call.device);
  std::string message;
  for (const char* at = text; *at != 0;) {
    char number[40];
    if (std::strncmp(at, "{given}", 7) == 0) {
      std::snprintf(number, sizeof number, "%.15g", given);
      message += number;
      at += 7;
    } else if (std::strncmp(at, "{expected}", 10) == 0) {
      std::snprintf(number, sizeof number, "%.15g", expected);
      message += number;
      at += 10;
    } else {
      message += *at++;
    }
  }
  executor->recordError(kernelInfos[executor->runningKernel_].name, message);
}

}  // namespace splitmask
