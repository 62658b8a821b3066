// The dump format: a whole database as lines of text that sort, grep and awk can work on.
//
//   holdfast dump 1                    first line: names the format
//   BUCKET TAB KEY TAB VALUE           one row; each part escaped (text.h)
//   BUCKET TAB                         a bucket without rows
//   end N                              last line: N rows came before, so a cut dump is noticed
//
// The first and last line hold no TAB, so no row looks like one.
#pragma once

#include <string_view>

namespace holdfast::cli {

constexpr std::string_view kDumpFirstLine = "holdfast dump 1";
constexpr std::string_view kDumpEnd = "end ";

}  // namespace holdfast::cli
