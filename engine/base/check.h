// CHECK: what only a bug can break. Always on; aborts with the expression and the place.
//
// Never CHECK bytes from disk, arguments from users or answers of the operating system: those are Errors.
// VERIFY is for whole-structure checks that are too slow for production: on in `dev`, sanitizer, fuzz and simulator
// builds.
#pragma once

namespace holdfast {
[[noreturn]] void check_failed(const char* expression, const char* file, int line);
}

#define CHECK(condition)                                        \
  do {                                                          \
    if (!(condition)) [[unlikely]] {                            \
      ::holdfast::check_failed(#condition, __FILE__, __LINE__); \
    }                                                           \
  } while (false)

#ifdef HOLDFAST_VERIFY
#define VERIFY(condition) CHECK(condition)
#else
#define VERIFY(condition) \
  do {                    \
    if (false) {          \
      CHECK(condition);   \
    }                     \
  } while (false)
#endif
