// The few numbers that name things, each a type of its own so that they cannot be mixed up.
#pragma once

#include <cstdint>

namespace holdfast {

// Commit number: the position of a transaction in the one serial order, without gaps. 0 is the empty database.
enum class Csn : uint64_t {};

// A commit that returned, at this place in the serial order: durable, unless it was deferred.
struct Commit {
  Csn csn{};
};

constexpr uint64_t to_int(Csn csn) { return static_cast<uint64_t>(csn); }
constexpr Csn next(Csn csn) { return Csn{to_int(csn) + 1}; }

}  // namespace holdfast
