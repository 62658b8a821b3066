// Feeding a projection from its stream: follow and rebuild.
//
// Each step is one transaction: it reads where the generation is, holds that against the stream, runs the reducer over
// what comes next, and commits rows, position and chain hash together. So an event is applied exactly once, whatever
// is cut off, and whoever else feeds the same generation: one of two wins, and the other begins its step again.
//
// Threads: any.
#pragma once

#include <string>
#include <string_view>

#include <holdfast/projection.h>
#include <holdfast/result.h>

#include "db/core.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

// See Projection.
Result<FollowReport> follow_stream(DatabaseCore& database, const std::string& name, const std::string& stream,
                                   const Reducer& reducer, const FollowOptions& options);
Result<RebuildReport> rebuild_projection(DatabaseCore& database, const std::string& name, const Reducer& reducer,
                                         const FollowOptions& options);

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
