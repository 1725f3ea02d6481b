#include "mapped_file.h"

#if defined(_WIN32)
#include <windows.h>
// windows.h has to come first.
#include <memoryapi.h>
#else
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#endif
#include <cerrno>
#include <cstdint>
#include <cstring>

namespace splitmask {

#if defined(_WIN32)

// An absolute path in the form that may be longer than 260 characters.
static std::wstring systemPath(const std::string& path) {
  const auto convert = [&](wchar_t* to, int size) {
    return MultiByteToWideChar(CP_UTF8, 0, path.data(), static_cast<int>(path.size()), to, size);
  };
  std::wstring wide(static_cast<size_t>(convert(nullptr, 0)), 0);
  convert(wide.data(), static_cast<int>(wide.size()));
  std::wstring full(GetFullPathNameW(wide.c_str(), 0, nullptr, nullptr), 0);
  full.resize(GetFullPathNameW(wide.c_str(), static_cast<DWORD>(full.size()), full.data(), nullptr));
  if (full.rfind(L"\\\\", 0) != 0) return L"\\\\?\\" + full;
  return full.rfind(L"\\\\?\\", 0) == 0 ? full : L"\\\\?\\UNC" + full.substr(1);
}

// In the system's words, as "The system cannot find the file specified".
static std::string lastError() {
  wchar_t text[256];
  const DWORD flags = FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS;
  const DWORD code = GetLastError();
  int length = static_cast<int>(FormatMessageW(flags, nullptr, code, 0, text, 256, nullptr));
  while (length > 0 && (text[length - 1] <= L' ' || text[length - 1] == L'.')) --length;
  char utf8[1024];
  const int bytes = WideCharToMultiByte(CP_UTF8, 0, text, length, utf8, sizeof utf8, nullptr, nullptr);
  return bytes > 0 ? std::string(utf8, static_cast<size_t>(bytes)) : "error " + std::to_string(code);
}

std::shared_ptr<MappedFile> MappedFile::open(const std::string& path, size_t bytes, std::string& problem) {
  // Others may go on to write, rename and delete it, as on other systems. Pictures are read in random order.
  const HANDLE file =
      CreateFileW(systemPath(path).c_str(), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                  nullptr, OPEN_EXISTING, FILE_FLAG_RANDOM_ACCESS, nullptr);
  if (file == INVALID_HANDLE_VALUE) {
    problem = "it cannot be opened (" + lastError() + ")";
    return nullptr;
  }
  LARGE_INTEGER size;
  void* memory = nullptr;
  if (GetFileType(file) != FILE_TYPE_DISK) {
    problem = "it is no plain file";
  } else if (!GetFileSizeEx(file, &size)) {
    problem = "its size cannot be read (" + lastError() + ")";
  } else if (static_cast<uint64_t>(size.QuadPart) != bytes) {
    problem = "it has " + std::to_string(size.QuadPart) + " bytes; expected " + std::to_string(bytes);
  } else {
    const HANDLE mapping = CreateFileMappingW(file, nullptr, PAGE_READONLY, 0, 0, nullptr);
    if (mapping != nullptr) memory = MapViewOfFile(mapping, FILE_MAP_READ, 0, 0, bytes);
    if (memory == nullptr) problem = "the system refuses (" + lastError() + ")";
    if (mapping != nullptr) CloseHandle(mapping);
  }
  CloseHandle(file);  // the view holds the file
  if (memory == nullptr) return nullptr;
  return std::shared_ptr<MappedFile>(new MappedFile(static_cast<char*>(memory), bytes));
}

MappedFile::~MappedFile() { UnmapViewOfFile(memory_); }

void MappedFile::willNeed(size_t offset, size_t bytes) const {
  WIN32_MEMORY_RANGE_ENTRY range{memory_ + offset, bytes};
  PrefetchVirtualMemory(GetCurrentProcess(), 1, &range, 0);
}

#else

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

#endif

}  // namespace splitmask
