#include "checksum.h"

#include "xxh64.h"

namespace splitmask {

namespace {

class FileChecksum : public Napi::AsyncWorker {
 public:
  FileChecksum(Napi::Env env, std::shared_ptr<MappedFile> file, size_t offset, size_t bytes)
      : Napi::AsyncWorker(env), deferred_(env), file_(std::move(file)), offset_(offset), bytes_(bytes) {}
  Napi::Promise promise() const { return deferred_.Promise(); }

 protected:
  void Execute() override {
    file_->willNeed(offset_, bytes_);
    sum_ = Xxh64::of(file_->memory() + offset_, bytes_);
  }
  void OnOK() override { deferred_.Resolve(Napi::BigInt::New(Env(), sum_)); }

 private:
  Napi::Promise::Deferred deferred_;
  const std::shared_ptr<MappedFile> file_;
  const size_t offset_, bytes_;
  uint64_t sum_ = 0;
};

}  // namespace

Napi::Value checksumOfArray(const Napi::CallbackInfo& info) {
  const Napi::Uint8Array bytes = info[0].As<Napi::Uint8Array>();
  return Napi::BigInt::New(info.Env(), Xxh64::of(bytes.Data(), bytes.ByteLength()));
}

Napi::Value checksumOfFile(Napi::Env env, std::shared_ptr<MappedFile> file, size_t offset, size_t bytes) {
  auto* worker = new FileChecksum(env, std::move(file), offset, bytes);  // deletes itself when it is done
  const Napi::Promise promise = worker->promise();
  worker->Queue();
  return promise;
}

}  // namespace splitmask
