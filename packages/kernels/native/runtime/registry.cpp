#include "registry.h"

// Everywhere but in the table of avx512bf16.
#define BFLOAT16_KERNEL FAST_KERNEL

// Declarations.
namespace splitmask {
namespace naive {
#define KERNEL(name, buffers, numbers, eachBuffers, eachNumbers) \
  void name##Float32(const Call&);                               \
  void name##Float64(const Call&);
#define FAST_KERNEL KERNEL
#include "../kernels.def"
#undef FAST_KERNEL
#undef KERNEL
}  // namespace naive

#define KERNEL(name, buffers, numbers, eachBuffers, eachNumbers)
#define FAST_KERNEL(name, buffers, numbers, eachBuffers, eachNumbers) void name(const Call&);
namespace portable {
#include "../kernels.def"
}
#if defined(__x86_64__)
namespace avx2 {
#include "../kernels.def"
}
namespace avx512 {
#include "../kernels.def"
}
namespace avx512bf16 {
#include "../kernels.def"
}
#elif defined(__aarch64__)
namespace neon {
#include "../kernels.def"
}
#endif
#undef FAST_KERNEL
#undef KERNEL

// Tables.
#define ENTRY(name, buffers, numbers, eachBuffers, eachNumbers, fast) \
  {#name, buffers, numbers, eachBuffers, eachNumbers, fast, naive::name##Float32, naive::name##Float64},
#define KERNEL(name, buffers, numbers, eachBuffers, eachNumbers) ENTRY(name, buffers, numbers, eachBuffers, eachNumbers, false)
#define FAST_KERNEL(name, buffers, numbers, eachBuffers, eachNumbers) ENTRY(name, buffers, numbers, eachBuffers, eachNumbers, true)
const KernelInfo kernelInfos[] = {
#include "../kernels.def"
};
#undef FAST_KERNEL
#undef KERNEL
const int kernelCount = sizeof kernelInfos / sizeof kernelInfos[0];

#define KERNEL(name, buffers, numbers, eachBuffers, eachNumbers) nullptr,
#define FAST_KERNEL(name, buffers, numbers, eachBuffers, eachNumbers) SPLITMASK_SET::name,
#define SPLITMASK_SET portable
static const Kernel portableKernels[] = {
#include "../kernels.def"
};
#undef SPLITMASK_SET
#if defined(__x86_64__)
#define SPLITMASK_SET avx2
static const Kernel avx2Kernels[] = {
#include "../kernels.def"
};
#undef SPLITMASK_SET
#define SPLITMASK_SET avx512
static const Kernel avx512Kernels[] = {
#include "../kernels.def"
};
#undef BFLOAT16_KERNEL
#define BFLOAT16_KERNEL(name, buffers, numbers, eachBuffers, eachNumbers) avx512bf16::name,
static const Kernel avx512bf16Kernels[] = {
#include "../kernels.def"
};
#undef SPLITMASK_SET
#elif defined(__aarch64__)
#define SPLITMASK_SET neon
static const Kernel neonKernels[] = {
#include "../kernels.def"
};
#undef SPLITMASK_SET
#endif

static bool always() { return true; }
#if defined(__x86_64__)
// The compiler's run-time library asks cpuid and also whether the operating system saves the registers.
static bool hasAvx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
static bool hasAvx512() {
  return hasAvx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
static bool hasAvx512Bf16() { return hasAvx512() && __builtin_cpu_supports("avx512bf16"); }
#endif

const InstructionSet instructionSets[] = {
    {"portable", always, portableKernels},
#if defined(__x86_64__)
    {"avx2", hasAvx2, avx2Kernels},
    {"avx512", hasAvx512, avx512Kernels},
    {"avx512bf16", hasAvx512Bf16, avx512bf16Kernels},
#elif defined(__aarch64__)
    {"neon", always, neonKernels},
#endif
};
const int instructionSetCount = sizeof instructionSets / sizeof instructionSets[0];

}  // namespace splitmask
