// Checksums for JavaScript: of an array at once, and of a mapped file's parts on the threads of libuv.
#pragma once
#include <napi.h>

#include <memory>

#include "mapped_file.h"

namespace splitmask {

// (Uint8Array) → BigInt
Napi::Value checksumOfArray(const Napi::CallbackInfo& info);
// → Promise<BigInt>; holds the mapping until it is done.
Napi::Value checksumOfFile(Napi::Env env, std::shared_ptr<MappedFile> file, size_t offset, size_t bytes);

}  // namespace splitmask
