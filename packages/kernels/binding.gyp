{
  "variables": {
    "fast_sources": ["<!@(node scripts/sources.mjs native/fast)"],
    "naive_sources": ["<!@(node scripts/sources.mjs native/naive)"],
    "runtime_sources": ["<!@(node scripts/sources.mjs native/runtime)"]
  },
  "target_defaults": {
    "cflags_cc!": ["-std=gnu++17", "-std=gnu++20"],
    "cflags": ["-O3", "-fvisibility=hidden", "-fPIC", "-Wall", "-Wextra", "-Wno-unused-parameter"],
    "cflags_cc": ["-std=c++17"],
    "include_dirs": ["native"],
    "xcode_settings": {
      "GCC_OPTIMIZATION_LEVEL": "3",
      "GCC_SYMBOLS_PRIVATE_EXTERN": "YES",
      "CLANG_CXX_LANGUAGE_STANDARD": "c++17",
      "CLANG_CXX_LIBRARY": "libc++",
      "MACOSX_DEPLOYMENT_TARGET": "11.0"
    }
  },
  "targets": [
    {
      "target_name": "naive",
      "type": "static_library",
      "sources": ["<@(naive_sources)"],
      "defines": ["SPLITMASK_SET=naive"],
      "cflags": ["-ffp-contract=off"],
      "xcode_settings": { "OTHER_CFLAGS": ["-ffp-contract=off"] }
    },
    {
      "target_name": "fast_portable",
      "type": "static_library",
      "sources": ["<@(fast_sources)"],
      "defines": ["SPLITMASK_SET=portable"],
      "cflags": ["-ffp-contract=fast", "-fno-exceptions", "-fno-math-errno", "-Wno-psabi"],
      "xcode_settings": { "OTHER_CFLAGS": ["-ffp-contract=fast", "-fno-exceptions", "-fno-math-errno"] }
    },
    {
      "target_name": "splitmask_kernels",
      "sources": ["<@(runtime_sources)"],
      "defines": ["NAPI_VERSION=8", "NAPI_CPP_EXCEPTIONS", "NODE_ADDON_API_DISABLE_DEPRECATED"],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      "dependencies": ["naive", "fast_portable"],
      "cflags!": ["-fno-exceptions"],
      "cflags_cc!": ["-fno-exceptions"],
      "cflags_cc": ["-fexceptions"],
      "ldflags": ["-pthread"],
      "xcode_settings": { "GCC_ENABLE_CPP_EXCEPTIONS": "YES" },
      "conditions": [
        ["target_arch=='x64'", { "dependencies": ["fast_avx2", "fast_avx512", "fast_avx512bf16"] }],
        ["target_arch=='arm64'", { "dependencies": ["fast_neon"] }]
      ]
    }
  ],
  "conditions": [
    ["target_arch=='x64'", {
      "targets": [
        {
          "target_name": "fast_avx2",
          "type": "static_library",
          "sources": ["<@(fast_sources)"],
          "defines": ["SPLITMASK_SET=avx2"],
          "cflags": ["-mavx2", "-mfma", "-ffp-contract=fast", "-fno-exceptions", "-fno-math-errno", "-Wno-psabi"],
          "xcode_settings": {
            "OTHER_CFLAGS": ["-mavx2", "-mfma", "-ffp-contract=fast", "-fno-exceptions", "-fno-math-errno"]
          }
        },
        {
          "target_name": "fast_avx512",
          "type": "static_library",
          "sources": ["<@(fast_sources)"],
          "defines": ["SPLITMASK_SET=avx512"],
          "cflags": [
            "-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mavx2", "-mfma",
            "-mprefer-vector-width=512", "-ffp-contract=fast", "-fno-exceptions", "-fno-math-errno",
            "-Wno-psabi", "-Wno-maybe-uninitialized", "-Wno-uninitialized"
          ],
          "xcode_settings": {
            "OTHER_CFLAGS": [
              "-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mavx2", "-mfma",
              "-mprefer-vector-width=512", "-ffp-contract=fast", "-fno-exceptions", "-fno-math-errno"
            ]
          }
        },
        {
          "target_name": "fast_avx512bf16",
          "type": "static_library",
          "sources": [
            "native/fast/products.cpp",
            "native/fast/packedProducts.cpp",
            "native/fast/attention.cpp",
            "native/fast/normalization.cpp",
            "native/fast/linearLosses.cpp",
            "native/fast/limits.cpp"
          ],
          "defines": ["SPLITMASK_SET=avx512bf16"],
          "cflags": [
            "-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mavx512bf16", "-mavx512vnni",
            "-mavx2", "-mfma", "-mprefer-vector-width=512", "-ffp-contract=fast", "-fno-exceptions", "-fno-math-errno",
            "-Wno-psabi", "-Wno-maybe-uninitialized", "-Wno-uninitialized"
          ],
          "xcode_settings": {
            "OTHER_CFLAGS": [
              "-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mavx512bf16", "-mavx512vnni",
              "-mavx2", "-mfma", "-mprefer-vector-width=512", "-ffp-contract=fast", "-fno-exceptions", "-fno-math-errno"
            ]
          }
        }
      ]
    }],
    ["target_arch=='arm64'", {
      "targets": [
        {
          "target_name": "fast_neon",
          "type": "static_library",
          "sources": ["<@(fast_sources)"],
          "defines": ["SPLITMASK_SET=neon"],
          "cflags": ["-ffp-contract=fast", "-fno-exceptions", "-fno-math-errno", "-Wno-psabi"],
          "xcode_settings": { "OTHER_CFLAGS": ["-ffp-contract=fast", "-fno-exceptions", "-fno-math-errno"] }
        }
      ]
    }]
  ]
}
