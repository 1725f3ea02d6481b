// XXH64 (https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md), seed 0: a 64-bit checksum against damaged
// files, at the speed of memory. Little-endian machines only, as everything here.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace splitmask {

class Xxh64 {
 public:
  static uint64_t of(const void* data, size_t bytes) {
    const auto* at = static_cast<const unsigned char*>(data);
    const auto* end = at + bytes;
    uint64_t sum = prime5;
    if (bytes >= 32) {
      uint64_t lanes[4] = {prime1 + prime2, prime2, 0, 0 - prime1};
      for (; end - at >= 32; at += 32)
        for (int lane = 0; lane < 4; ++lane) lanes[lane] = round(lanes[lane], read<uint64_t>(at + 8 * lane));
      sum = rotate(lanes[0], 1) + rotate(lanes[1], 7) + rotate(lanes[2], 12) + rotate(lanes[3], 18);
      for (const uint64_t lane : lanes) sum = (sum ^ round(0, lane)) * prime1 + prime4;
    }
    sum += bytes;
    for (; end - at >= 8; at += 8) sum = rotate(sum ^ round(0, read<uint64_t>(at)), 27) * prime1 + prime4;
    if (end - at >= 4) {
      sum = rotate(sum ^ read<uint32_t>(at) * prime1, 23) * prime2 + prime3;
      at += 4;
    }
    for (; at < end; ++at) sum = rotate(sum ^ *at * prime5, 11) * prime1;
    sum = (sum ^ sum >> 33) * prime2;
    sum = (sum ^ sum >> 29) * prime3;
    return sum ^ sum >> 32;
  }

 private:
  static constexpr uint64_t prime1 = 0x9E3779B185EBCA87, prime2 = 0xC2B2AE3D27D4EB4F, prime3 = 0x165667B19E3779F9,
                            prime4 = 0x85EBCA77C2B2AE63, prime5 = 0x27D4EB2F165667C5;
  static uint64_t rotate(uint64_t value, int bits) { return value << bits | value >> (64 - bits); }
  static uint64_t round(uint64_t lane, uint64_t input) { return rotate(lane + input * prime2, 31) * prime1; }
  template <class T> static uint64_t read(const unsigned char* from) {
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
  }
};

}  // namespace splitmask
