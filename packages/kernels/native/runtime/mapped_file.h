// A file mapped into memory, read-only: kernels read it in place, and its pages are the system's file cache, shared by
// all processes.
#pragma once
#include <cstddef>
#include <memory>
#include <string>

namespace splitmask {

class MappedFile {
 public:
  // Null where the file cannot be mapped or has not exactly `bytes` bytes; `problem` then says why. The size is looked
  // at here because reading beyond a file's end is a bus error, which nothing can catch.
  static std::shared_ptr<MappedFile> open(const std::string& path, size_t bytes, std::string& problem);
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();
  char* memory() const { return memory_; }
  size_t bytes() const { return bytes_; }
  // Asks the system to have a part in memory soon; returns at once.
  void willNeed(size_t offset, size_t bytes) const;

 private:
  MappedFile(char* memory, size_t bytes) : memory_(memory), bytes_(bytes) {}
  char* memory_;
  size_t bytes_;
};

}  // namespace splitmask
