#include "sim/disk_hooks.h"

#include <cstdio>
#include <cstdlib>

namespace holdfast::sim {

void DiskHooks::contract_violated(std::string_view what) {
  std::fprintf(stderr, "holdfast-sim: the engine broke the environment's contract: %.*s\n",
               static_cast<int>(what.size()), what.data());
  std::fflush(stderr);
  std::abort();
}

}  // namespace holdfast::sim
