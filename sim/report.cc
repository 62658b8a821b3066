#include "sim/report.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "sim/report_page.h"

namespace holdfast::sim {

namespace {

using nlohmann::json;

json ranges_of(const std::vector<uint64_t>& sectors) {
  json ranges = json::array();
  for (size_t at = 0; at < sectors.size();) {
    size_t end = at + 1;
    while (end < sectors.size() && sectors[end] == sectors[end - 1] + 1) {
      ++end;
    }
    ranges.push_back({sectors[at], sectors[end - 1]});
    at = end;
  }
  return ranges;
}

json cut_of(const RecordedCut& cut) {
  json files = json::array();
  for (const CutFile& file : cut.files) {
    files.push_back({{"id", file.file},
                     {"name", file.name},
                     {"before", file.bytes_before},
                     {"after", file.bytes_after},
                     {"gone", file.gone},
                     {"lost", ranges_of(file.lost)}});
  }
  return {{"number", cut.number}, {"files", files}};
}

// Text of the page must not end its script.
std::string safe_in_script(std::string text) {
  for (size_t at = text.find("</"); at != std::string::npos; at = text.find("</", at + 3)) {
    text.replace(at, 2, "<\\/");
  }
  return text;
}

}  // namespace

std::string report_page(const ReportTitle& title, const RunResult& result, const Recorder& recorder) {
  const auto& events = recorder.events();
  const size_t from = events.size() > kReportEventsMax ? events.size() - kReportEventsMax : 0;
  json data;
  data["title"] = title.what;
  data["command"] = title.command;
  data["failure"] = result.failure;
  data["omitted"] = from;
  data["kinds"] = json::array();
  for (size_t kind = 0; kind < static_cast<size_t>(EventKind::kCount); ++kind) {
    data["kinds"].push_back(std::string(name_of(static_cast<EventKind>(kind))));
  }
  data["events"] = json::array();
  for (size_t at = from; at < events.size(); ++at) {
    const RecordedEvent& event = events[at];
    data["events"].push_back({event.number, event.fiber, static_cast<int>(event.kind), event.arguments[0],
                              event.arguments[1], event.arguments[2]});
  }
  data["files"] = json::object();
  for (const auto& [id, name] : recorder.file_names()) {
    data["files"][std::to_string(id)] = name;
  }
  data["notes"] = json::array();
  for (const auto& [number, text] : recorder.notes()) {
    data["notes"].push_back({number, text});
  }
  data["cut"] = cut_of(recorder.last_cut());
  std::string page(kReportPage);
  page.replace(page.find(kReportDataPlace), kReportDataPlace.size(),
               safe_in_script(data.dump(-1, ' ', true, json::error_handler_t::replace)));
  return page;
}

}  // namespace holdfast::sim
