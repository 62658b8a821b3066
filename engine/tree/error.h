// How the tree says that a page is not what the tree needs it to be.
#pragma once

#include <string>
#include <string_view>

#include <holdfast/result.h>

#include "base/ids.h"

namespace holdfast::tree {

inline std::unexpected<Error> corrupt(PageNumber page, uint32_t page_bytes, std::string_view what) {
  std::string message = "page " + std::to_string(to_int(page)) + ": ";
  message += what;
  return fail(Error(ErrorCode::kCorruption, std::move(message)).at("tree", uint64_t{to_int(page)} * page_bytes));
}

}  // namespace holdfast::tree
