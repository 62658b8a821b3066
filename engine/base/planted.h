// Planted bugs: places where the engine in the simulator can be told to misbehave, so that everybody can see that the
// simulator notices (`holdfast-sim score`). In every other build PLANTED() is false, and nothing of this is there.
//
// Each stands where the code does what it must: PLANTED(bug) says whether it is to be left undone. None of them is a
// crash that a test would see: they are what gets lost in a change that looks harmless.
#pragma once

#ifdef HOLDFAST_SIM

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace holdfast::planted {

// Its enumerator; what kind of rule it breaks; what goes wrong.
// clang-format off: one line each
#define HOLDFAST_PLANTED_BUGS(bug) \
  bug(kTreeDataSync, "sync", "pages are not synced before the meta page that names them") \
  bug(kMetaSync, "sync", "a meta page is not synced before the checkpoint counts as durable") \
  bug(kFenceSync, "sync", "the fence that an open writes is not synced") \
  bug(kTreeCreateSync, "sync", "the first meta pages are not synced before the tree file gets its name") \
  bug(kLogSync, "sync", "a flush of the log is not synced before commits are acknowledged") \
  bug(kLogSyncLastOnly, "sync", "of a flush over several segments only the last is synced") \
  bug(kReservedNameSync, "sync", "names of files that the log made ahead are not synced") \
  bug(kSegmentHeaderSync, "sync", "the header of a segment is not synced") \
  bug(kNewLogNameSync, "sync", "the names of a new log are not synced before the checkpoint that starts it") \
  bug(kIdentitySync, "sync", "the identity file is not synced before it gets its name") \
  bug(kIdentityNameSync, "sync", "the name of the identity file is not synced") \
  bug(kTreeNameSync, "sync", "the name of a new tree file is not synced") \
  bug(kOpenNameSync, "sync", "names that an open finds are not synced before they are built on") \
  bug(kEventSync, "sync", "events are not synced before the checkpoint that counts on them") \
  bug(kEventFileNameSync, "sync", "the name of a new segment is not synced") \
  bug(kRewriteSync, "sync", "a rewritten segment is not synced before the commit that names it") \
  bug(kRewriteNameSync, "sync", "the name of a rewritten segment is not synced") \
  bug(kCheckpointLeavesPage, "lifetime", "a checkpoint leaves a page out") \
  bug(kWithheldPages, "lifetime", "pages of a checkpoint that failed come back with the same stamp") \
  bug(kReadersIgnored, "lifetime", "pages that a snapshot reads are free for reuse") \
  bug(kDurableStateIgnored, "lifetime", "pages of the durable state are free for reuse") \
  bug(kCheckpointIgnored, "lifetime", "pages of the checkpoint that is being written are free for reuse") \
  bug(kUnshownIgnored, "lifetime", "pages of states that nobody is shown yet are free for reuse") \
  bug(kPinsForgotten, "lifetime", "pages of pinned states are freed when they die") \
  bug(kDeadPagesLeak, "lifetime", "pages that died are never freed") \
  bug(kDeathBound, "lifetime", "a page is kept for the snapshot before the last that can see it") \
  bug(kOverflowLeaks, "lifetime", "the first run of a large value is not freed with it") \
  bug(kUnpinKeeps, "lifetime", "unpin lets go of nothing") \
  bug(kUnpinOthers, "lifetime", "unpin lets go of pages that another pin keeps") \
  bug(kNoFence, "order", "an open writes no fence") \
  bug(kOlderMeta, "order", "an open takes the older of two meta pages") \
  bug(kSegmentAhead, "order", "no empty segment is kept behind the last flush") \
  bug(kPoisonForgotten, "order", "a lane goes on after a flush that failed") \
  bug(kReplayOverGap, "order", "recovery replays commits behind one that is missing") \
  bug(kLastRecordLost, "order", "recovery leaves out the last record of the log") \
  bug(kSameEpoch, "order", "a new log has the epoch of the old one") \
  bug(kReplayNotCheckpointed, "order", "the old log is let go before what it held is in a checkpoint") \
  bug(kAckBeforeFlush, "order", "a durable commit is acknowledged before the log is flushed") \
  bug(kFailureNotKept, "order", "the log goes on after a flush that failed") \
  bug(kShownEarly, "order", "readers are shown commits that are not durable yet") \
  bug(kAppendBeforePublish, "order", "a commit that failed is in the log all the same") \
  bug(kEventUnitShared, "order", "events are written into a unit of the file that a checkpoint has made durable") \
  bug(kTrimBeforeApplied, "order", "a trim does not wait until a checkpoint has what was applied of the events") \
  bug(kRedactNothing, "order", "a redaction leaves the payload where it is") \
  bug(kSealForgets, "order", "a segment is sealed without the last event") \
  bug(kGuardsIgnored, "latch", "a page is evicted while a point read looks at it") \
  bug(kClaimUnchecked, "memory order", "a reader does not look again whether its state was replaced meanwhile") \
  bug(kCloneUnseen, "memory order", "a scan misses a reader that was cloned meanwhile") \
  bug(kPublishTorn, "memory order", "a reader can see half of a new state") \
  bug(kMetaDamageIgnored, "check", "an open goes on with an older state where both copies of a meta page are damaged") \
  bug(kMetaChecksum, "check", "the checksum of a meta page is not compared") \
  bug(kPageChecksum, "check", "the checksum of a page is not compared") \
  bug(kPageNumber, "check", "the number in a page is not compared with its place") \
  bug(kPageStamp, "check", "the birth stamp of a page is not compared with what its parent says") \
  bug(kIdentityChecksum, "check", "the checksum of the identity file is not compared") \
  bug(kFrameHeaderChecksum, "check", "the checksum of a frame's header is not compared") \
  bug(kFrameBodyChecksum, "check", "the checksum of a frame's body is not compared") \
  bug(kFrameSeed, "check", "frames of an older epoch in a reused file count") \
  bug(kRecordChecksum, "check", "the checksum of a record of the log is not compared at replay") \
  bug(kLaterFlushIgnored, "check", "damage before a later flush counts as a torn end") \
  bug(kLostEndIgnored, "check", "a lane whose last file is gone counts as ended") \
  bug(kShortFileIgnored, "check", "a file of the log that was cut short counts as ended") \
  bug(kSegmentEpoch, "check", "a segment of another epoch counts") \
  bug(kDamagedLaneIgnored, "check", "a damaged lane counts as ended where it is damaged") \
  bug(kLostIdentity, "check", "a tree without its identity file gets a new one, commits or not") \
  bug(kEventChecksum, "check", "the checksum of an event is not compared") \
  bug(kKeptSlotsReused, "recycling", "a new log writes over the files of the old one before its checkpoint") \
  bug(kOldHeaderTaken, "recycling", "a file with frames of this very epoch is taken as it is") \
  bug(kSalvagedFilesReused, "recycling", "who accepts a loss writes over the damaged log too early") \
  bug(kRecycleUndurable, "recycling", "the log is recycled although the checkpoint failed") \
  bug(kSupersededEarly, "recycling", "the old file of a rewritten segment goes before a checkpoint has the new one") \
  bug(kTrimTooMuch, "recycling", "a trim drops a segment that holds newer records") \
  bug(kUnneededWatermark, "watermark", "frames say that more is durable than is") \
  bug(kWatermarkIgnored, "watermark", "a log that ends before its watermark is taken for whole") \
  bug(kGapsAreDurable, "watermark", "a flush of one lane makes commits of another count as durable") \
  bug(kCallbacksEarly, "watermark", "when_durable calls back at once") \
  bug(kFlusherAsleep, "wakeup", "nobody is woken to flush for those who wait") \
  bug(kWaitersAsleep, "wakeup", "one of those who wait for the same flush is not told") \
  bug(kQueueAsleep, "wakeup", "the next in the queue of commits is not woken") \
  bug(kGroupUnchecked, "conflict", "members of one group are not checked against each other") \
  bug(kExpectedOffset, "conflict", "the offset that an append expects is not compared") \
  bug(kLostUpdate, "conflict", "two writers of one key do not conflict") \
  bug(kWriteSkew, "conflict", "a serializable transaction does not conflict with who wrote what it read") \
  bug(kPhantom, "conflict", "a row that appears in a range that was read is no conflict") \
  bug(kRangeErase, "conflict", "an erased range does not conflict with a row that was put into it") \
  bug(kDroppedBucket, "conflict", "a bucket that was dropped meanwhile is no conflict") \
  bug(kBucketList, "conflict", "a new bucket is no conflict for who listed them") \
  bug(kStreamRead, "conflict", "an event is no conflict for who read the head of the stream") \
  bug(kLinkForgotten, "hash link", "an event holds the hash of the event before the last") \
  bug(kMerkleLeafLost, "hash link", "an event is no leaf of the Merkle tree") \
  bug(kLinkUnchecked, "hash link", "verify does not compare an event with the hash of the one before") \
  bug(kHeadUnchecked, "hash link", "verify does not compare the chain with the heads in the tree") \
  bug(kPositionUnchecked, "projection", "a batch is applied at any position") \
  bug(kVersionLost, "projection", "the version that a write supersedes is not kept") \
  bug(kStreamRowsLogged, "projection", "rows that come from a stream are logged, but their position is not") \
  bug(kPositionNotStored, "projection", "follow commits rows without their position") \
  bug(kFollowUndurable, "projection", "follow applies events that are not durable") \
  bug(kRebuildUndurable, "projection", "a rebuild is switched in before a checkpoint has its tables") \
  bug(kRebuildBehind, "projection", "a rebuild is switched in although the old tables went on") \
  bug(kFloorNotRaised, "projection", "versions are pruned without the floor being raised") \
  bug(kPinsNotAsked, "projection", "a prune does not look at pins") \
  bug(kPrunesOneMore, "projection", "a prune drops a version that the floor still shows") \
  bug(kPurgeUndurable, "projection", "a purge does not make its checkpoint first") \
  bug(kSecondCommitLost, "tree", "a bucket that two members of a group change keeps only the first change") \
  bug(kSavepointKeeps, "tree", "a rollback to a savepoint keeps a row that was put behind it") \
  bug(kCursorSkips, "tree", "a cursor that goes backwards into another leaf skips its last row")
// clang-format on

enum class Bug : uint8_t {
  kNone,
#define HOLDFAST_PLANTED_ENUMERATOR(name, kind, text) name,
  HOLDFAST_PLANTED_BUGS(HOLDFAST_PLANTED_ENUMERATOR)
#undef HOLDFAST_PLANTED_ENUMERATOR
};

struct BugInfo {
  Bug bug;
  std::string_view name;  // the enumerator without its k
  std::string_view kind;
  std::string_view text;
};
inline constexpr std::array kBugs{
#define HOLDFAST_PLANTED_INFO(name, kind, text) BugInfo{Bug::name, std::string_view(#name).substr(1), kind, text},
    HOLDFAST_PLANTED_BUGS(HOLDFAST_PLANTED_INFO)
#undef HOLDFAST_PLANTED_INFO
};

// Of the process: set before anything runs, and the same until it ends.
inline Bug active = Bug::kNone;
// How often its place was come by.
inline uint64_t reached = 0;

inline bool is(Bug bug) {
  if (active != bug) [[likely]] {
    return false;
  }
  ++reached;
  return true;
}

}  // namespace holdfast::planted

#define PLANTED(bug) (::holdfast::planted::is(::holdfast::planted::Bug::bug))

#else

#define PLANTED(bug) false

#endif
