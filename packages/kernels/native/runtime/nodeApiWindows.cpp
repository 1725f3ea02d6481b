// On Windows a library names the file that its imports come from, but Node-API may be in node.exe, in Electron's
// program or in another one. So nothing is imported: the places through which the code calls Node-API are filled here,
// with what the process has.
#if defined(_WIN32)
#include <windows.h>

#define FUNCTION(name) extern "C" __attribute__((used)) FARPROC __imp_##name = nullptr;
#include "nodeApiFunctions.def"
#undef FUNCTION

namespace {

// The module of the process that has Node-API: its program, or a library where a program embeds Node.js.
HMODULE host() {
  const HMODULE program = GetModuleHandleW(nullptr);
  if (GetProcAddress(program, "napi_create_object") != nullptr) return program;
  const wchar_t* const libraries[] = {L"libnode.dll", L"node.dll"};
  for (const wchar_t* name : libraries) {
    const HMODULE library = GetModuleHandleW(name);
    if (library != nullptr) return library;
  }
  return program;
}

}  // namespace

// Null for functions that an older host has not; they are of versions of Node-API that the addon does not use.
extern "C" BOOL WINAPI DllMain(HINSTANCE, DWORD reason, LPVOID) {
  if (reason != DLL_PROCESS_ATTACH) return TRUE;
  const HMODULE module = host();
#define FUNCTION(name) __imp_##name = GetProcAddress(module, #name);
#include "nodeApiFunctions.def"
#undef FUNCTION
  return TRUE;
}
#endif
