// ReplayBatch: the rows that many commits of the log changed, applied together.
//
// One commit after the other would change the same pages again and again. Rows of one key count once here, by the last
// commit that changed it; so the state is the same as if each commit had been applied by itself, bucket ids included.
// A commit that does more than change rows is applied by itself, behind what was gathered before it.
//
// Threads: the writer's. Memory: in proportion to kReplayBatchBytes. Fails: as WriteSetApplier does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <holdfast/result.h>

#include "db/apply.h"
#include "format/redo.h"
#include "tree/tree.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

// A batch of so many bytes is applied: of redo, and of what is kept beside it per row.
constexpr uint64_t kReplayBatchBytes = uint64_t{32} << 20;

class ReplayBatch {
 public:
  ReplayBatch(WriteSetApplier& applier, uint32_t page_bytes) : applier_(applier), page_bytes_(page_bytes) {}

  // Memory for the body of one record; good until apply(), or until add() was called for it.
  std::span<std::byte> body_of(uint64_t bytes);
  // Takes in a record's commits. Pre: `body` came from body_of(). Errors: corruption (it does not hold exactly
  // `csn_count` commits), those of WriteSetApplier::apply.
  Result<void> add(std::span<const std::byte> body, uint32_t csn_count);
  // Afterwards nothing is left to be applied. Errors: those of WriteSetApplier::apply.
  Result<void> apply();

 private:
  struct BucketRows {
    std::string name;
    bool implied = false;        // comes to be if it is not there
    std::vector<tree::Op> rows;  // in the order of the commits
  };
  // What a bucket held before the commit that is being taken in.
  struct Mark {
    BucketRows* bucket;
    size_t row_count;
  };
  struct Place {
    uint64_t head;  // of the key behind what all keys share
    uint32_t index;
  };

  bool take(format::RedoReader& reader);
  bool take_bucket(format::RedoReader& reader);
  BucketRows* bucket_for(const format::RedoBucket& bucket);
  bool take_rows(format::RedoReader& reader, std::vector<tree::Op>& rows);
  Result<void> apply_rows();
  void sort(std::span<const tree::Op> rows);

  WriteSetApplier& applier_;
  const uint32_t page_bytes_;
  std::vector<std::unique_ptr<std::byte[]>> chunks_;  // of the bodies
  std::span<std::byte> chunk_left_;                   // of the last one
  uint64_t bytes_ = 0;
  std::deque<BucketRows> buckets_;  // in the order of their first change
  std::map<std::string_view, BucketRows*> by_name_;
  std::vector<Mark> marks_;
  std::vector<Place> places_;
  std::vector<tree::Op> sorted_;
};

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
