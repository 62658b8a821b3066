// The page of a report: sim/report.html. Its data, JSON, go where kReportDataPlace stands.
#pragma once

#include <string_view>

namespace holdfast::sim {

extern const std::string_view kReportPage;
constexpr std::string_view kReportDataPlace = "@DATA@";

}  // namespace holdfast::sim
