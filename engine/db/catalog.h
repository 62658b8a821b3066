// The catalog: the tree of buckets. Key: bucket name; value: format::BucketOnDisk.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <holdfast/result.h>

#include "format/bucket.h"
#include "page/page_reader.h"
#include "page/page_writer.h"

namespace holdfast::catalog {

// nullopt: no such bucket. Errors: io, corruption.
Result<std::optional<format::BucketRecord>> find(PageReader& reader, const format::PageRef& root,
                                                 std::string_view name);
// The same, with the caller's memory for what is read on the way.
Result<std::optional<format::BucketRecord>> find(PageReader& reader, const format::PageRef& root, std::string_view name,
                                                 std::string& scratch);
// Names of all buckets of users, in order.
Result<std::vector<std::string>> list(PageReader& reader, const format::PageRef& root);
// Names of the engine's own buckets that begin with `prefix`, in order.
Result<std::vector<std::string>> list_own(PageReader& reader, const format::PageRef& root, std::string_view prefix);

// Buckets changed in one generation; nullopt: gone.
using Changes = std::map<std::string, std::optional<format::BucketRecord>, std::less<>>;
// The catalog with the changes. Errors: those of tree::apply.
Result<format::PageRef> apply(PageWriter& writer, const format::PageRef& root, const Changes& changes);

}  // namespace holdfast::catalog
