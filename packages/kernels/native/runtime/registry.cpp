#include "registry.h"

#include "../generated/groups.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

// Everywhere but in the table of avx512bf16.
#define BFLOAT16_KERNEL FAST_KERNEL

// Declarations.
namespace splitmask {
namespace naive {
#define KERNEL(name, Name, signature, buffers, numbers, eachBuffers, eachNumbers) \
  template <class T> void name(const Name<T>& call);
#define FAST_KERNEL KERNEL
#include "../generated/kernels.def"
#undef FAST_KERNEL
#undef KERNEL
}  // namespace naive

#define KERNEL(...)
#define FAST_KERNEL(name, Name, ...) void name(const Name<float>& call);
namespace portable {
#include "../generated/kernels.def"
}
#if defined(__x86_64__)
namespace avx2 {
#include "../generated/kernels.def"
}
namespace avx512 {
#include "../generated/kernels.def"
}
namespace avx512bf16 {
#include "../generated/kernels.def"
}
#elif defined(__aarch64__)
namespace neon {
#include "../generated/kernels.def"
}
#endif
#undef FAST_KERNEL
#undef KERNEL

// Tables. A kernel's arguments get their names here, outside of the code that is compiled for an instruction set.
#define CALL(space, name, Arguments) [](const QueuedCall& queued) { space::name(Arguments::of(queued)); }

#define KERNEL(name, Name, signature, buffers, numbers, eachBuffers, eachNumbers) \
  {#name,                                                                         \
   signature,                                                                     \
   buffers,                                                                       \
   numbers,                                                                       \
   eachBuffers,                                                                   \
   eachNumbers,                                                                   \
   CALL(naive, name, Name<float>),                                                \
   CALL(naive, name, Name<double>)},
#define FAST_KERNEL KERNEL
const KernelInfo kernelInfos[] = {
#include "../generated/kernels.def"
};
#undef FAST_KERNEL
#undef KERNEL
const int kernelCount = sizeof kernelInfos / sizeof kernelInfos[0];

#define KERNEL(...) nullptr,
#define FAST_KERNEL(name, Name, ...) CALL(SPLITMASK_SET, name, Name<float>),
#define SPLITMASK_SET portable
static const Kernel portableKernels[] = {
#include "../generated/kernels.def"
};
#undef SPLITMASK_SET
#if defined(__x86_64__)
#if !defined(SPLITMASK_WITHOUT_AVX2)
#define SPLITMASK_SET avx2
static const Kernel avx2Kernels[] = {
#include "../generated/kernels.def"
};
#undef SPLITMASK_SET
#endif
#if !defined(SPLITMASK_WITHOUT_AVX512)
#define SPLITMASK_SET avx512
static const Kernel avx512Kernels[] = {
#include "../generated/kernels.def"
};
#if !defined(SPLITMASK_WITHOUT_AVX512BF16)
#undef BFLOAT16_KERNEL
#define BFLOAT16_KERNEL(name, Name, ...) CALL(avx512bf16, name, Name<float>),
static const Kernel avx512bf16Kernels[] = {
#include "../generated/kernels.def"
};
#endif
#undef SPLITMASK_SET
#endif
#elif defined(__aarch64__)
#define SPLITMASK_SET neon
static const Kernel neonKernels[] = {
#include "../generated/kernels.def"
};
#undef SPLITMASK_SET
#endif

static bool always() { return true; }
#if defined(__x86_64__)
// What the CPU has and the operating system saves the registers of. Asked here because the run-time library of some
// compilers lacks __builtin_cpu_supports.
struct CpuFeatures {
  unsigned basic = 0, extended = 0, deep = 0, further = 0;  // cpuid 1: ecx; 7: ebx, ecx; 7.1: eax
  unsigned saved = 0;                                      // parts of XCR0

  CpuFeatures() {
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &basic, &d)) return;
    if ((basic >> 27 & 1) == 0) return;  // OSXSAVE
    asm volatile("xgetbv" : "=a"(saved), "=d"(d) : "c"(0));
    unsigned leaves = 0;
    if (!__get_cpuid_count(7, 0, &leaves, &extended, &deep, &d) || leaves < 1) return;
    __get_cpuid_count(7, 1, &further, &b, &c, &d);
  }
};

static bool has(unsigned word, int bit) { return (word >> bit & 1) != 0; }
static const CpuFeatures& cpu() {
  static const CpuFeatures features;
  return features;
}
static bool hasAvx2() {
  const bool saves = (cpu().saved & 0x6) == 0x6;  // SSE and AVX registers
  return saves && has(cpu().basic, 12) && has(cpu().basic, 28) && has(cpu().extended, 5);  // FMA, AVX, AVX2
}
static bool hasAvx512() {
#if defined(__APPLE__)
  const bool saves = true;  // macOS lets a thread have the registers when it first uses them
#else
  const bool saves = (cpu().saved & 0xe0) == 0xe0;
#endif
  const unsigned found = cpu().extended;
  return hasAvx2() && saves && has(found, 16) && has(found, 17) && has(found, 30) && has(found, 31);  // F, DQ, BW, VL
}
// Every CPU with AVX512-BF16 has AVX512-VNNI, too; both are checked because the set is compiled for both.
static bool hasAvx512Bf16() { return hasAvx512() && has(cpu().deep, 11) && has(cpu().further, 5); }
#endif

const InstructionSet instructionSets[] = {
    {"portable", always, portableKernels},
#if defined(__x86_64__)
#if !defined(SPLITMASK_WITHOUT_AVX2)
    {"avx2", hasAvx2, avx2Kernels},
#endif
#if !defined(SPLITMASK_WITHOUT_AVX512)
    {"avx512", hasAvx512, avx512Kernels},
#if !defined(SPLITMASK_WITHOUT_AVX512BF16)
    {"avx512bf16", hasAvx512Bf16, avx512bf16Kernels},
#endif
#endif
#elif defined(__aarch64__)
    {"neon", always, neonKernels},
#endif
};
const int instructionSetCount = sizeof instructionSets / sizeof instructionSets[0];

}  // namespace splitmask
