// reality-program FROM TO DIRECTORY: runs the drawn programs of these seeds with the engine as it is in production, on
// the real file system. Each leaves its database in DIRECTORY/<seed>, and what it was answered in
// DIRECTORY/<seed>.told.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "tests/fixed_env.h"
#include "tests/reality/program.h"
#include "tests/reality/told.h"

int main(int count, char** arguments) {
  using namespace holdfast;
  if (count != 4) {
    std::fprintf(stderr, "reality-program FROM TO DIRECTORY\n");
    return 2;
  }
  const std::string directory = arguments[3];
  for (uint64_t seed = std::strtoull(arguments[1], nullptr, 10); seed < std::strtoull(arguments[2], nullptr, 10);
       ++seed) {
    const std::string path = directory + "/" + std::to_string(seed);
    FixedEnv env(posix_env(), seed);
    std::ofstream(path + ".told", std::ios::binary) << reality::told_to_the_end(env, path, seed);
  }
  return 0;
}
