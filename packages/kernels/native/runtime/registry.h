// Which kernels there are and which function runs each, by element type and instruction set.
#pragma once
#include "../queuedCall.h"

namespace splitmask {

struct KernelInfo {
  const char* name;
  const char* signature;  // what it takes, as the entry says it
  int buffers;
  int numbers;
  int eachBuffers;
  int eachNumbers;
  Kernel naiveFloat32;
  Kernel naiveFloat64;
};

extern const KernelInfo kernelInfos[];
extern const int kernelCount;

struct InstructionSet {
  const char* name;
  bool (*available)();
  const Kernel* kernels;  // by kernel; null where there is no fast version
};

// From the slowest to the fastest; the first one runs everywhere.
extern const InstructionSet instructionSets[];
extern const int instructionSetCount;

}  // namespace splitmask
