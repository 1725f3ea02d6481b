#include "mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstdint>
#include <cstring>

namespace splitmask {

std::shared_ptr<MappedFile> MappedFile::open(const std::string& path, size_t bytes, std::string& problem) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    problem = std::string("it cannot be opened (") + std::strerror(errno) + ")";
    return nullptr;
  }
  struct stat status;
  void* memory = MAP_FAILED;
  if (fstat(file, &status) != 0) {
    problem = std::string("its size cannot be read (") + std::strerror(errno) + ")";
  } else if (!S_ISREG(status.st_mode)) {
    problem = "it is no plain file";
  } else if (static_cast<uint64_t>(status.st_size) != bytes) {
    problem = "it has " + std::to_string(status.st_size) + " bytes; expected " + std::to_string(bytes);
  } else {
    memory = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, file, 0);
    if (memory == MAP_FAILED) problem = std::string("the system refuses (") + std::strerror(errno) + ")";
  }
  ::close(file);  // the mapping holds the file
  if (memory == MAP_FAILED) return nullptr;
  // Pictures are read in random order: what the system would read around each of them is thrown away.
  madvise(memory, bytes, MADV_RANDOM);
  return std::shared_ptr<MappedFile>(new MappedFile(static_cast<char*>(memory), bytes));
}

MappedFile::~MappedFile() { munmap(memory_, bytes_); }

void MappedFile::willNeed(size_t offset, size_t bytes) const {
  static const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t start = offset / page * page;
  madvise(memory_ + start, offset + bytes - start, MADV_WILLNEED);
}

}  // namespace splitmask
