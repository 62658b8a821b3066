// Applies write sets to the trees of one generation, in commit order, and then the catalog.
//
// Threads: the writer's. Fails: after an error the generation must be aborted, and this object thrown away.
#pragma once

#include <vector>

#include <holdfast/result.h>

#include "db/catalog.h"
#include "db/write_set.h"
#include "page/page_reader.h"
#include "page/page_writer.h"
#include "tree/tree.h"

namespace holdfast {

class WriteSetApplier {
 public:
  // `base`: the state that the generation changes.
  WriteSetApplier(PageWriter& writer, const State& base) : writer_(writer), next_(base) {}

  // Errors: io, corruption, no_space. `writes` must live on only if tell_what_was_there() is called.
  Result<void> apply(WriteSet& writes);
  // The state after everything that was applied, with this commit number.
  Result<State> finish(Csn csn);
  // Pre: the state is committed. Says in the write sets which buckets came to be by them (BucketWrites::implied).
  void tell_what_was_there();

 private:
  using Record = std::optional<format::BucketRecord>;
  // The bucket as it is now; looked up in the catalog at most once.
  Result<Record*> current(const std::string& name);
  Result<void> apply_bucket(BucketWrites& writes, Record& record);
  Result<format::PageRef> apply_points(const PointWrites& points, const format::PageRef& root);

  PageWriter& writer_;
  State next_;
  catalog::Changes buckets_;  // looked up; unchanged ones too
  catalog::Changes changes_;
  std::vector<BucketWrites*> were_there_;
  std::vector<tree::Op> batch_;
};

}  // namespace holdfast
