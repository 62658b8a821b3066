#include "cli/audit_event.h"

#include <optional>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/bytes.h"
#include "base/sha256.h"
#include "cli/log_commands.h"
#include "cli/text.h"

namespace holdfast::cli {
namespace {

std::unexpected<Error> not_an_audit_event(std::string_view why) {
  return fail(ErrorCode::kInvalidArgument, fmt::format("not an event like `load --audit` writes them: {}", why));
}

}  // namespace

std::string audit_event(std::string_view bucket, std::string_view key, std::string_view value, AuditValue what) {
  nlohmann::ordered_json object;
  set_json_bytes(object, "put", bucket);
  set_json_bytes(object, "key", key);
  object["value_bytes"] = value.size();
  object["value_sha256"] = hex_of(sha256(as_bytes(value)));
  if (what == AuditValue::kWhole) set_json_bytes(object, "value", value);
  return object.dump();
}

Result<void> reduce_audit_event(const StreamRecord& event, WriteBatch& batch) {
  if (event.redacted) return {};
  const auto object = nlohmann::json::parse(event.payload, nullptr, false);
  if (object.is_discarded()) return not_an_audit_event("it is not JSON");
  if (!object.is_object()) return not_an_audit_event(fmt::format("it is a JSON {}, not an object", object.type_name()));
  std::optional<std::string> put, erased, key, value;
  for (const auto& [name, bytes] : {std::pair{"put", &put}, {"erase", &erased}, {"key", &key}, {"value", &value}}) {
    Result<std::optional<std::string>> member = json_bytes(object, name);
    if (!member) return not_an_audit_event(member.error().message());
    *bytes = std::move(*member);
  }
  if (put.has_value() == erased.has_value()) return not_an_audit_event(R"(one of "put" and "erase" is wanted)");
  if (!key) return not_an_audit_event("\"key\" is missing");
  if (erased) {
    batch.erase(*erased, *key);
  } else {
    batch.put(*put, *key, value ? *value : event.payload);
  }
  return {};
}

}  // namespace holdfast::cli
