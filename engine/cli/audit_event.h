// What `load --audit` writes into a stream, and what `projection follow` makes of it: one JSON object per change of a
// row, {"put":BUCKET,"key":KEY,...} or {"erase":BUCKET,"key":KEY,...}. Bytes that are not UTF-8 are in a member of the
// same name with _hex behind it, as everywhere.
#pragma once

#include <string>
#include <string_view>

#include <holdfast/projection.h>
#include <holdfast/result.h>

namespace holdfast::cli {

enum class AuditValue : bool { kDigest, kWhole };

// That a row was stored. kDigest: length and SHA-256 of its value, enough to prove later which value it was, and not
// the value; kWhole: the value, too.
std::string audit_event(std::string_view bucket, std::string_view key, std::string_view value, AuditValue what);

// Changes the table of the bucket's name: a put stores the event's value, or, if it has none, the event's own text. A
// redacted event changes nothing. Members that are not known are passed over. Depends on the event alone. Errors:
// invalid_argument (the event is not of this form; without its offset).
Result<void> reduce_audit_event(const StreamRecord& event, WriteBatch& batch);

}  // namespace holdfast::cli
