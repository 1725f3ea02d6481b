#include "caches.h"

#include <cstdio>
#include <cstdlib>
#include <string>

#if defined(__APPLE__)
#include <sys/sysctl.h>
#elif defined(_WIN32)
#include <windows.h>
#include <vector>
#endif

namespace splitmask {

namespace {

// A level as the system reports it, and how many cores share it; 0 bytes: it reports none.
struct Level {
  int64 bytes = 0, cores = 1;
};

constexpr int64 unknown[] = {32 << 10, 1 << 20, 32 << 20};

#if defined(__APPLE__)

int64 number(const char* name) {
  int64 value = 0;
  size_t size = sizeof value;
  return sysctlbyname(name, &value, &size, nullptr, 0) == 0 ? value : 0;
}

// Of the performance cores; Intel's processors report no hw.perflevel0, but a third level of cache.
void readLevels(Level levels[3]) {
  const bool several = number("hw.perflevel0.l2cachesize") > 0;
  levels[0].bytes = number(several ? "hw.perflevel0.l1dcachesize" : "hw.l1dcachesize");
  levels[1].bytes = number(several ? "hw.perflevel0.l2cachesize" : "hw.l2cachesize");
  levels[2].bytes = number("hw.l3cachesize");
  if (several) levels[1].cores = number("hw.perflevel0.cpusperl2");
  levels[2].cores = number("hw.physicalcpu");
}

#elif defined(_WIN32)

int64 membersOf(const GROUP_AFFINITY& group) { return __builtin_popcountll(group.Mask); }

// Of the first core: the system lists it first.
void readLevels(Level levels[3]) {
  DWORD bytes = 0;
  GetLogicalProcessorInformationEx(RelationAll, nullptr, &bytes);
  std::vector<char> list(bytes);
  using Information = SYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX;
  const auto at = [&](DWORD offset) { return reinterpret_cast<Information*>(list.data() + offset); };
  if (!GetLogicalProcessorInformationEx(RelationAll, at(0), &bytes)) return;
  int64 threadsOfCore = 0;
  for (DWORD offset = 0; offset < bytes; offset += at(offset)->Size) {
    const Information& entry = *at(offset);
    if (entry.Relationship == RelationProcessorCore && threadsOfCore == 0)
      threadsOfCore = membersOf(entry.Processor.GroupMask[0]);
  }
  for (DWORD offset = 0; offset < bytes; offset += at(offset)->Size) {
    const Information& entry = *at(offset);
    if (entry.Relationship != RelationCache || entry.Cache.Type == CacheInstruction || entry.Cache.Level < 1) continue;
    Level& found = levels[entry.Cache.Level > 3 ? 2 : entry.Cache.Level - 1];
    if (found.bytes > 0) continue;
    found.bytes = entry.Cache.CacheSize;
    found.cores = threadsOfCore > 0 ? membersOf(entry.Cache.GroupMask) / threadsOfCore : 1;
  }
}

#else

std::string textOf(const std::string& path) {
  char text[256] = "";
  if (std::FILE* file = std::fopen(path.c_str(), "r")) {
    if (std::fgets(text, sizeof text, file) == nullptr) text[0] = 0;
    std::fclose(file);
  }
  return text;
}

// "48K", "1M"
int64 bytesOf(const std::string& text) {
  char* unit = nullptr;
  const int64 value = std::strtoll(text.c_str(), &unit, 10);
  return *unit == 'K' ? value << 10 : *unit == 'M' ? value << 20 : value;
}

// "0-3,8" has five.
int64 membersOf(const std::string& list) {
  int64 members = 0;
  for (const char* at = list.c_str(); *at >= '0' && *at <= '9';) {
    char* end = nullptr;
    const int64 first = std::strtoll(at, &end, 10);
    const int64 last = *end == '-' ? std::strtoll(end + 1, &end, 10) : first;
    members += last - first + 1;
    at = *end == ',' ? end + 1 : end;
  }
  return members;
}

void readLevels(Level levels[3]) {
  int64 threadsOfCore = 1;
  for (int index = 0; index < 8; ++index) {
    const std::string folder = "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index) + "/";
    const int64 level = std::strtoll(textOf(folder + "level").c_str(), nullptr, 10);
    if (level < 1 || textOf(folder + "type").rfind("Instruction", 0) == 0) continue;
    const int64 members = membersOf(textOf(folder + "shared_cpu_list"));
    if (level == 1 && members > 1) threadsOfCore = members;
    Level& found = levels[level > 3 ? 2 : level - 1];
    found.bytes = bytesOf(textOf(folder + "size"));
    found.cores = members > threadsOfCore ? members / threadsOfCore : 1;
  }
}

#endif

MachineCaches read() {
  Level levels[3];
  readLevels(levels);
  // On a machine with two levels, the second one is the last.
  if (levels[2].bytes <= 0 && levels[1].bytes > 0) levels[2] = levels[1];
  int64 parts[3];
  for (int i = 0; i < 3; ++i) {
    if (levels[i].bytes <= 0) levels[i] = {unknown[i], 1};
    parts[i] = levels[i].bytes / (levels[i].cores > 1 ? levels[i].cores : 1);
  }
  return {{parts[0], parts[1], parts[2]}, levels[2].bytes};
}

}  // namespace

MachineCaches machineCaches() {
  static const MachineCaches caches = read();
  return caches;
}

}  // namespace splitmask
