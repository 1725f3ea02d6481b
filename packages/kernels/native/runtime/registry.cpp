#include "registry.h"

#include "../generated/groups.h"

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
#define SPLITMASK_SET avx2
static const Kernel avx2Kernels[] = {
#include "../generated/kernels.def"
};
#undef SPLITMASK_SET
#define SPLITMASK_SET avx512
static const Kernel avx512Kernels[] = {
#include "../generated/kernels.def"
};
#undef BFLOAT16_KERNEL
#define BFLOAT16_KERNEL(name, Name, ...) CALL(avx512bf16, name, Name<float>),
static const Kernel avx512bf16Kernels[] = {
#include "../generated/kernels.def"
};
#undef SPLITMASK_SET
#elif defined(__aarch64__)
#define SPLITMASK_SET neon
static const Kernel neonKernels[] = {
#include "../generated/kernels.def"
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
// Every CPU with AVX512-BF16 has AVX512-VNNI, too; both are checked because the set is compiled for both.
static bool hasAvx512Bf16() {
  return hasAvx512() && __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vnni");
}
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
