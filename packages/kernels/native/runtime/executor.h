// The in-order queue and the thread that runs it. Everything public is called by the JavaScript thread.
#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "memory_pool.h"
#include "registry.h"
#include "thread_pool.h"
#include "threads.h"

namespace splitmask {

// What an await gets: its ticket, the first error since the last one (empty: none), and what a profile saw.
struct Completion {
  uint32_t ticket;
  std::string error;
  std::vector<double> profile;
};

class Executor {
 public:
  // kernels[dtype][kernel] with dtype 0 float32, 1 float64. `completed` is called on the executor thread when
  // takeCompletions() has something new. With `ownThread` false nothing runs until runQueued() is called.
  Executor(int threads, CacheSizes caches, std::vector<Kernel> float32, std::vector<Kernel> float64,
           std::function<void()> completed, bool ownThread = true);
  ~Executor();  // waits for the kernel in hand, drops the rest

  // One kernel: buffers, then numbers, then the items' buffers and numbers, already resolved to pointers.
  // Checks, which a call has where checkFinite is on, lists what the outputs cover: (pointer, rows, columns, leading).
  struct Check {
    void* memory;
    int64 rows, columns, leading, elementBytes;
  };
  void enqueueKernel(int kernel, bool float64, int64 eachCount, const std::vector<void*>& buffers,
                     const std::vector<double>& numbers, const std::vector<void*>& eachBuffers,
                     const std::vector<double>& eachNumbers, const std::vector<Check>& checks);
  // Copies now when nothing is pending, else through a staging copy.
  void upload(void* destination, const void* source, size_t bytes);
  // Whether an upload may write to its destination at once, because nothing is pending.
  bool uploadsNow() const { return !everyUploadQueued_ && pending_.load(std::memory_order_acquire) == 0; }
  // Copies from `staging`, memory of operator new that this takes over.
  void uploadStaged(void* destination, void* staging, size_t bytes);
  // Reads the source when the queue comes to it; completes `ticket` then, without an error.
  void uploadLater(void* destination, const void* source, size_t bytes, uint32_t ticket);
  void download(void* destination, const void* source, size_t bytes, uint32_t ticket);
  void synchronize(uint32_t ticket);
  void returnToSystem(const std::vector<Block>& blocks);
  // Lets go of something that kernels read, such as a mapped file, when the queue has passed every use of it.
  void release(std::shared_ptr<void> owner);
  // What the queue runs between the two is recorded. The completion of `ticket` has the nanoseconds between them, then
  // a record for each kernel, upload, download and time in which the queue was empty, in order: kind (0, 1, 2, 3),
  // start and duration in nanoseconds; of a copy its bytes; of a kernel: the nanoseconds in which the queue's thread
  // waited for the others, kernel, float64?, items, its numbers, for each buffer whether it was given (1, 0), then the
  // same for the items: all numbers, all buffers; then what simulated threads did.
  // With simulatedThreads > 0 kernels cut their work as for that many threads, but the queue's thread runs all tasks,
  // one after the other. A kernel's record ends with its number of parallel phases (−1 where no threads are simulated),
  // the nanoseconds of CPU time outside of them, and of each phase its number of tasks and the CPU time of each.
  void startProfile(int simulatedThreads);
  void stopProfile(uint32_t ticket);
  std::vector<Completion> takeCompletions();
  // Runs what is queued on the calling thread, where the executor has none of its own.
  void runQueued();
  // Whether the next command, with so many bytes of its own, would wait until the queue has run a part of its commands:
  // a loop that never awaits waits instead of filling the memory with commands or with uploads not yet copied.
  bool isFull(size_t hostBytes = 0) const {
    return pending() >= maximumPending || (hostBytes > 0 && pendingHostBytes_.load() > maximumPendingHostBytes);
  }
  int64 pending() const { return pending_.load(std::memory_order_acquire); }

 private:
  enum class Type : uint32_t {
    kernel,
    uploadStaged,
    upload,
    download,
    synchronize,
    unmap,
    releaseOwner,
    startProfile,
    stopProfile
  };
  struct Header {
    Type type;
    uint32_t words;  // of the whole command, header included
  };
  struct Scratch {
    std::vector<Block> blocks;  // the last one is the largest
  };

  static constexpr int64 maximumPending = 65536;
  static constexpr int64 maximumPendingHostBytes = int64{512} << 20;

  uint64_t* begin(Lock& lock, Type type, size_t words, size_t hostBytes = 0);
  void end(Lock& lock);
  void loop();
  void takeQueued();
  void runBatch();
  void execute(uint64_t* command);
  void executeKernel(uint64_t* command);
  void copy(const uint64_t* words);
  template <class Work> void timed(const Work& work);
  void runAlone(int64 tasks, void (*body)(void*, int64, int), void* context);
  void complete(uint32_t ticket, bool reportsError, std::vector<double> profile = {});
  double profileTime() const;
  void recordProfile(const uint64_t* command);
  void recordWait(double start, std::chrono::steady_clock::time_point end);
  void recordError(const char* kernel, const std::string& text);
  void checkOutputs(int kernel, const Check* checks, int64 count);
  static void* scratch(const Call& call, int thread, int64 bytes);
  static void fail(const Call& call, const char* text, double given, double expected);

  ThreadPool pool_;
  const Parallel shared_;  // by the threads of the pool
  Parallel parallel_;      // what kernels get: shared_, or simulated threads
  const CacheSizes caches_;
  const std::vector<Kernel> kernels_[2];
  const std::function<void()> completed_;

  Mutex mutex_;  // guards incoming_, sleeping_, stopping_
  Condition wake_, space_;
  std::vector<uint64_t> incoming_;
  bool sleeping_ = false;
  std::chrono::steady_clock::time_point woken_;  // when the command came that ended the last sleep
  std::atomic<bool> waitingForSpace_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> hasIncoming_{false};
  std::atomic<int64> pending_{0};
  std::atomic<int64> pendingHostBytes_{0};

  Mutex completionMutex_;
  std::vector<Completion> completions_;

  Mutex errorMutex_;
  std::string error_;
  bool everyUploadQueued_ =
      false;                // JavaScript's thread: a profile is being taken, which sees what the queue does only
  bool profiling_ = false;  // the executor's thread, as all below
  bool simulating_ = false;
  std::chrono::steady_clock::time_point profileStart_;
  std::vector<double> profile_;
  double workStart_ = 0, workDuration_ = 0;  // of the last kernel or copy
  double workCpu_ = 0;                       // its CPU time where threads are simulated
  int phases_ = 0;
  std::vector<double> phaseTasks_;  // of each phase its number of tasks and their CPU times
  double taskCpu_ = 0;              // their sum
  int runningKernel_ = 0;           // written by the executor before a kernel's tasks start
  std::vector<Scratch> scratch_;
  std::vector<uint64_t> batch_;  // what is being run
  std::vector<void*> pointers_;  // of the kernel in hand, where a pointer is shorter than a word of the queue
  std::unique_ptr<Thread> thread_;
};

}  // namespace splitmask
