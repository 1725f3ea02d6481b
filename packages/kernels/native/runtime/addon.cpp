// The Node-API face of the executor: one class, NativeDevice, functions that tell what was built and what the CPU has,
// and checksums.
#include <napi.h>

#include <algorithm>
#include <memory>
#include <string>
#include <unordered_map>

#include "caches.h"
#include "checksum.h"
#include "device_blocks.h"
#include "executor.h"
#include "mapped_file.h"

namespace splitmask {

class NativeDevice : public Napi::ObjectWrap<NativeDevice> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "NativeDevice",
                       {
                           InstanceMethod<&NativeDevice::setWords>("setWords"),
                           InstanceMethod<&NativeDevice::run>("run"),
                           InstanceMethod<&NativeDevice::allocate>("allocate"),
                           InstanceMethod<&NativeDevice::mapFile>("mapFile"),
                           InstanceMethod<&NativeDevice::borrow>("borrow"),
                           InstanceMethod<&NativeDevice::prefetch>("prefetch"),
                           InstanceMethod<&NativeDevice::checksum>("checksum"),
                           InstanceMethod<&NativeDevice::release>("release"),
                           InstanceMethod<&NativeDevice::accountExternal>("accountExternal"),
                           InstanceMethod<&NativeDevice::upload>("upload"),
                           InstanceMethod<&NativeDevice::download>("download"),
                           InstanceMethod<&NativeDevice::synchronize>("synchronize"),
                           InstanceMethod<&NativeDevice::startProfile>("startProfile"),
                           InstanceMethod<&NativeDevice::stopProfile>("stopProfile"),
                           InstanceMethod<&NativeDevice::memory>("memory"),
                           InstanceMethod<&NativeDevice::releaseCache>("releaseCache"),
                           InstanceMethod<&NativeDevice::close>("close"),
                       });
  }

  // (threads, index of the instruction set or −1 for the naive kernels, { first, second, last } of the caches)
  explicit NativeDevice(const Napi::CallbackInfo& info) : Napi::ObjectWrap<NativeDevice>(info), env_(info.Env()) {
    const int threads = info[0].As<Napi::Number>().Int32Value();
    const int set = info[1].As<Napi::Number>().Int32Value();
    std::vector<Kernel> float32(static_cast<size_t>(kernelCount)), float64(static_cast<size_t>(kernelCount));
    for (int i = 0; i < kernelCount; ++i) {
      const Kernel fast = set < 0 ? nullptr : instructionSets[set].kernels[i];
      float32[static_cast<size_t>(i)] = fast != nullptr ? fast : kernelInfos[i].naiveFloat32;
      float64[static_cast<size_t>(i)] = kernelInfos[i].naiveFloat64;
    }
    // The function that JavaScript's thread runs when something has completed. It keeps the event loop alive only while
    // an await is pending.
    napi_value name;
    napi_create_string_utf8(env_, "splitmask", NAPI_AUTO_LENGTH, &name);
    if (napi_create_threadsafe_function(env_, nullptr, nullptr, name, 0, 1, nullptr, nullptr, this, onCompleted,
                                        &notify_) != napi_ok)
      throw Napi::Error::New(env_, "the device could not create its thread-safe function");
    napi_unref_threadsafe_function(env_, notify_);
    const napi_threadsafe_function notify = notify_;
    const Napi::Object sizes = info[2].As<Napi::Object>();
    const auto size = [&](const char* level) { return sizes.Get(level).As<Napi::Number>().Int64Value(); };
    executor_ = std::make_unique<Executor>(
        threads, CacheSizes{size("first"), size("second"), size("last")}, std::move(float32), std::move(float64),
        [notify] { napi_call_threadsafe_function(notify, nullptr, napi_tsfn_nonblocking); });
    napi_add_env_cleanup_hook(env_, onEnvironmentExit, this);
  }

  ~NativeDevice() override {
    if (executor_ != nullptr) napi_remove_env_cleanup_hook(env_, onEnvironmentExit, this);
    shutDown();
  }

 private:
  struct Waiting {
    napi_deferred deferred = nullptr;  // null: an upload that only holds its source
    napi_ref reference = nullptr;      // the array buffer that the queue reads or writes
  };

  static void onEnvironmentExit(void* self) { static_cast<NativeDevice*>(self)->shutDown(); }

  static void onCompleted(napi_env env, napi_value, void* context, void*) {
    if (env != nullptr) static_cast<NativeDevice*>(context)->settle();
  }

  // Ends the threads; what is still queued is dropped.
  void shutDown() {
    if (executor_ == nullptr) return;
    executor_.reset();
    napi_release_threadsafe_function(notify_, napi_tsfn_abort);
    blocks_.releaseAll([this](size_t id) { return files_.count(id) == 0 && arrays_.count(id) == 0; });
    files_.clear();
    for (Block block : blocks_.pool.drain()) MemoryPool::returnToSystem(block);
  }

  Executor& executor(Napi::Env env) {
    if (executor_ == nullptr) throw Napi::Error::New(env, "the device is closed: create another with createDevice()");
    return *executor_;
  }

  void settle() {
    if (executor_ == nullptr) return;
    Napi::HandleScope scope(env_);
    for (Completion& completion : executor_->takeCompletions()) {
      auto found = waiting_.find(completion.ticket);
      if (found == waiting_.end()) continue;
      const Waiting waiting = found->second;
      waiting_.erase(found);
      napi_value value = nullptr;
      if (waiting.reference != nullptr)
        napi_get_reference_value(env_, waiting.reference, &value);
      else if (!completion.profile.empty())
        value = numbersOf(completion.profile);
      else
        napi_get_undefined(env_, &value);
      if (waiting.deferred != nullptr) {
        if (completion.error.empty()) {
          napi_resolve_deferred(env_, waiting.deferred, value);
        } else {
          napi_value text, error;
          napi_create_string_utf8(env_, completion.error.c_str(), completion.error.size(), &text);
          napi_create_error(env_, nullptr, text, &error);
          napi_reject_deferred(env_, waiting.deferred, error);
        }
        if (--awaits_ == 0) napi_unref_threadsafe_function(env_, notify_);
      }
      if (waiting.reference != nullptr) napi_delete_reference(env_, waiting.reference);
    }
  }

  napi_value numbersOf(const std::vector<double>& values) {
    Napi::Float64Array list = Napi::Float64Array::New(env_, values.size());
    std::copy(values.begin(), values.end(), list.Data());
    return list;
  }

  uint32_t wait(Waiting waiting) {
    const uint32_t ticket = nextTicket_++;
    waiting_.emplace(ticket, waiting);
    if (waiting.deferred != nullptr && awaits_++ == 0) napi_ref_threadsafe_function(env_, notify_);
    return ticket;
  }

  // A promise that the completion of the ticket settles; enqueue(ticket) puts the command on the queue.
  template <class Enqueue> Napi::Value promise(Waiting waiting, const Enqueue& enqueue) {
    napi_value promise;
    napi_create_promise(env_, &waiting.deferred, &promise);
    enqueue(wait(waiting));
    return Napi::Value(env_, promise);
  }

  // The array that run() reads its arguments from; JavaScript keeps it and writes into it.
  Napi::Value setWords(const Napi::CallbackInfo& info) {
    const Napi::Float64Array words = info[0].As<Napi::Float64Array>();
    wordsReference_ = Napi::Persistent(words.As<Napi::Object>());
    words_ = words.Data();
    return info.Env().Undefined();
  }

  // Enqueues the call in the words, in the order of DeviceBlocks::run.
  Napi::Value run(const Napi::CallbackInfo& info) {
    blocks_.run(executor(info.Env()), words_);
    return info.Env().Undefined();
  }

  // (bytes) → id
  Napi::Value allocate(const Napi::CallbackInfo& info) {
    const size_t bytes = static_cast<size_t>(info[0].As<Napi::Number>().DoubleValue());
    size_t id = 0;
    if (!blocks_.allocate(executor(info.Env()), bytes, id))
      throw Napi::Error::New(info.Env(), "the system has no memory left for a buffer of " + std::to_string(bytes) +
                                             " bytes (" + std::to_string(blocks_.pool.liveBytes) +
                                             " bytes are live): use a smaller batch or model");
    return Napi::Number::New(info.Env(), static_cast<double>(id));
  }

  // (path, bytes) → id
  Napi::Value mapFile(const Napi::CallbackInfo& info) {
    executor(info.Env());
    const std::string path = info[0].As<Napi::String>().Utf8Value();
    std::string problem;
    const auto file = MappedFile::open(path, static_cast<size_t>(info[1].As<Napi::Number>().Int64Value()), problem);
    if (file == nullptr) throw Napi::Error::New(info.Env(), "mapFile: " + path + " cannot be mapped: " + problem + ".");
    const size_t id = blocks_.add({file->memory(), file->bytes()});
    files_.emplace(id, file);
    mappedBytes_ += file->bytes();
    return Napi::Number::New(info.Env(), static_cast<double>(id));
  }

  // (arrayBuffer, byteOffset, bytes) → id
  Napi::Value borrow(const Napi::CallbackInfo& info) {
    executor(info.Env());
    void* data = nullptr;
    size_t length = 0;
    if (napi_get_arraybuffer_info(env_, info[0], &data, &length) != napi_ok)
      throw Napi::TypeError::New(info.Env(), "borrow: the source has no ArrayBuffer");
    napi_ref reference;
    napi_create_reference(env_, info[0], 1, &reference);
    const size_t id = blocks_.add({static_cast<char*>(data) + info[1].As<Napi::Number>().Int64Value(),
                                   static_cast<size_t>(info[2].As<Napi::Number>().Int64Value())});
    arrays_.emplace(id, reference);
    return Napi::Number::New(info.Env(), static_cast<double>(id));
  }

  // (id of a mapped file, byteOffset, bytes)
  Napi::Value prefetch(const Napi::CallbackInfo& info) {
    const auto file = files_.find(static_cast<size_t>(info[0].As<Napi::Number>().Int64Value()));
    if (file != files_.end())
      file->second->willNeed(static_cast<size_t>(info[1].As<Napi::Number>().Int64Value()),
                             static_cast<size_t>(info[2].As<Napi::Number>().Int64Value()));
    return info.Env().Undefined();
  }

  // (id of a mapped file, byteOffset, bytes) → Promise<BigInt>
  Napi::Value checksum(const Napi::CallbackInfo& info) {
    const auto file = files_.find(static_cast<size_t>(info[0].As<Napi::Number>().Int64Value()));
    if (file == files_.end())
      throw Napi::Error::New(info.Env(),
                             "checksum: the buffer is no mapped file; expected one that device.mapFile made.");
    return checksumOfFile(info.Env(), file->second, static_cast<size_t>(info[1].As<Napi::Number>().Int64Value()),
                          static_cast<size_t>(info[2].As<Napi::Number>().Int64Value()));
  }

  // (id)
  Napi::Value release(const Napi::CallbackInfo& info) {
    if (executor_ == nullptr) return info.Env().Undefined();
    const size_t id = static_cast<size_t>(info[0].As<Napi::Number>().DoubleValue());
    const auto file = files_.find(id);
    const auto array = arrays_.find(id);
    if (file != files_.end()) {
      mappedBytes_ -= file->second->bytes();
      executor_->release(std::move(file->second));
      files_.erase(file);
      blocks_.remove(id);
    } else if (array != arrays_.end()) {
      Waiting waiting;
      waiting.reference = array->second;
      arrays_.erase(array);
      executor_->uploadLater(nullptr, nullptr, 0, wait(waiting));  // copies nothing; its completion lets the array go
      blocks_.remove(id);
    } else {
      blocks_.release(id);
    }
    return info.Env().Undefined();
  }

  // Tells V8 how much memory JavaScript's handles hold.
  Napi::Value accountExternal(const Napi::CallbackInfo& info) {
    int64_t total = 0;
    napi_adjust_external_memory(env_, static_cast<int64_t>(info[0].As<Napi::Number>().DoubleValue()), &total);
    return info.Env().Undefined();
  }

  // (id, byteOffset, arrayBuffer, sourceOffset, bytes, copy)
  Napi::Value upload(const Napi::CallbackInfo& info) {
    Executor& queue = executor(info.Env());
    char* destination =
        blocks_.memoryOf(info[0].As<Napi::Number>().DoubleValue()) + info[1].As<Napi::Number>().Int64Value();
    void* data = nullptr;
    size_t length = 0;
    if (napi_get_arraybuffer_info(env_, info[2], &data, &length) != napi_ok)
      throw Napi::TypeError::New(info.Env(), "upload: the source has no ArrayBuffer");
    const char* source = static_cast<char*>(data) + info[3].As<Napi::Number>().Int64Value();
    const size_t bytes = static_cast<size_t>(info[4].As<Napi::Number>().Int64Value());
    if (info[5].As<Napi::Boolean>().Value()) {
      queue.upload(destination, source, bytes);
    } else {
      Waiting waiting;
      napi_create_reference(env_, info[2], 1, &waiting.reference);
      queue.uploadLater(destination, source, bytes, wait(waiting));
    }
    return info.Env().Undefined();
  }

  // (id, byteOffset, bytes) → Promise<ArrayBuffer>
  Napi::Value download(const Napi::CallbackInfo& info) {
    Executor& queue = executor(info.Env());
    const char* source =
        blocks_.memoryOf(info[0].As<Napi::Number>().DoubleValue()) + info[1].As<Napi::Number>().Int64Value();
    const size_t bytes = static_cast<size_t>(info[2].As<Napi::Number>().Int64Value());
    napi_value array;
    void* destination = nullptr;
    if (napi_create_arraybuffer(env_, bytes, &destination, &array) != napi_ok) throw Napi::Error::New(env_);
    Waiting waiting;
    napi_create_reference(env_, array, 1, &waiting.reference);
    return promise(waiting, [&](uint32_t ticket) { queue.download(destination, source, bytes, ticket); });
  }

  // () → Promise<void>
  Napi::Value synchronize(const Napi::CallbackInfo& info) {
    Executor& queue = executor(info.Env());
    return promise({}, [&](uint32_t ticket) { queue.synchronize(ticket); });
  }

  // (simulated threads, 0 for none)
  Napi::Value startProfile(const Napi::CallbackInfo& info) {
    executor(info.Env()).startProfile(info[0].As<Napi::Number>().Int32Value());
    return info.Env().Undefined();
  }

  // () → Promise<Float64Array> as executor.h describes it
  Napi::Value stopProfile(const Napi::CallbackInfo& info) {
    Executor& queue = executor(info.Env());
    return promise({}, [&](uint32_t ticket) { queue.stopProfile(ticket); });
  }

  // () → [liveBytes, peakLiveBytes, cachedBytes, liveBuffers, mappedBytes]
  Napi::Value memory(const Napi::CallbackInfo& info) {
    Napi::Array list = Napi::Array::New(info.Env(), 5);
    const size_t values[] = {blocks_.pool.liveBytes, blocks_.pool.peakLiveBytes, blocks_.pool.cachedBytes,
                             blocks_.pool.liveBlocks, mappedBytes_};
    for (uint32_t i = 0; i < 5; ++i) list.Set(i, static_cast<double>(values[i]));
    return list;
  }

  Napi::Value releaseCache(const Napi::CallbackInfo& info) {
    executor(info.Env()).returnToSystem(blocks_.pool.drain());
    return info.Env().Undefined();
  }

  // () Ends the threads; what was awaited and has not come is rejected.
  Napi::Value close(const Napi::CallbackInfo& info) {
    if (executor_ == nullptr) return info.Env().Undefined();
    settle();
    napi_remove_env_cleanup_hook(env_, onEnvironmentExit, this);
    shutDown();
    for (auto& [id, reference] : arrays_) napi_delete_reference(env_, reference);
    arrays_.clear();
    for (auto& [ticket, waiting] : waiting_) {
      if (waiting.deferred != nullptr) {
        napi_value text, error;
        napi_create_string_utf8(env_, "the device was closed before its queue came to this await", NAPI_AUTO_LENGTH,
                                &text);
        napi_create_error(env_, nullptr, text, &error);
        napi_reject_deferred(env_, waiting.deferred, error);
      }
      if (waiting.reference != nullptr) napi_delete_reference(env_, waiting.reference);
    }
    waiting_.clear();
    return info.Env().Undefined();
  }

  napi_env env_;
  napi_threadsafe_function notify_ = nullptr;
  std::unique_ptr<Executor> executor_;
  DeviceBlocks blocks_;
  std::unordered_map<size_t, std::shared_ptr<MappedFile>> files_;  // the blocks that are mapped files
  size_t mappedBytes_ = 0;
  std::unordered_map<size_t, napi_ref> arrays_;  // the blocks that are JavaScript's arrays
  std::unordered_map<uint32_t, Waiting> waiting_;
  uint32_t nextTicket_ = 0;
  int awaits_ = 0;
  Napi::ObjectReference wordsReference_;
  const double* words_ = nullptr;
};

// () → [{ name, signature }], in the order that run() counts.
static Napi::Value listKernels(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Napi::Array list = Napi::Array::New(env, static_cast<size_t>(kernelCount));
  for (int i = 0; i < kernelCount; ++i) {
    Napi::Object kernel = Napi::Object::New(env);
    kernel.Set("name", kernelInfos[i].name);
    kernel.Set("signature", kernelInfos[i].signature);
    list.Set(static_cast<uint32_t>(i), kernel);
  }
  return list;
}

// () → [{ name, available }], from the slowest to the fastest.
static Napi::Value listInstructionSets(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Napi::Array list = Napi::Array::New(env, static_cast<size_t>(instructionSetCount));
  for (int i = 0; i < instructionSetCount; ++i) {
    Napi::Object set = Napi::Object::New(env);
    set.Set("name", instructionSets[i].name);
    set.Set("available", Napi::Boolean::New(env, instructionSets[i].available()));
    list.Set(static_cast<uint32_t>(i), set);
  }
  return list;
}

// () → { first, second, last } of one core, and wholeLast, in bytes.
static Napi::Value cacheSizes(const Napi::CallbackInfo& info) {
  const MachineCaches caches = machineCaches();
  Napi::Object sizes = Napi::Object::New(info.Env());
  const auto set = [&](const char* name, int64 bytes) { sizes.Set(name, static_cast<double>(bytes)); };
  set("first", caches.ofCore.first);
  set("second", caches.ofCore.second);
  set("last", caches.ofCore.last);
  set("wholeLast", caches.last);
  return sizes;
}

static Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  exports.Set("NativeDevice", NativeDevice::define(env));
  exports.Set("checksum", Napi::Function::New(env, checksumOfArray));
  exports.Set("cacheSizes", Napi::Function::New(env, cacheSizes));
  exports.Set("kernels", Napi::Function::New(env, listKernels));
  exports.Set("instructionSets", Napi::Function::New(env, listInstructionSets));
  return exports;
}

NODE_API_MODULE(splitmask_kernels, initialize)

}  // namespace splitmask
