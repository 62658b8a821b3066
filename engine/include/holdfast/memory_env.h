// The memory environment: databases that live as long as one Env object, for tests and for data that need not survive.
#pragma once

#include <memory>

#include <holdfast/env.h>

namespace holdfast {

// An Env whose files live in memory, empty at first. Clock, randomness and threads are those of posix_env().
//
// Directories are names: any path can be created, parents are not asked for. Files are sparse (blocks that were never
// written cost nothing) and hold at most 64 GiB; beyond that, no_space. sync() does nothing. Locks exclude each other
// inside this Env. Its Directories, Files and locks must be gone before it is destroyed.
std::unique_ptr<Env> new_memory_env();

}  // namespace holdfast
