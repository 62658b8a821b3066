// Events among the arguments of a command are any text, brackets too.
#pragma once

#include <string>

namespace holdfast::cli {

// An argument cannot hold a zero byte. Behind a closing bracket it keeps CLI11 from taking the argument apart.
inline void mark_event(std::string& argument) {
  if (argument.ends_with(']')) {
    argument += '\0';
  }
}

// What was given.
inline void unmark_event(std::string& argument) {
  if (argument.ends_with('\0')) {
    argument.pop_back();
  }
}

}  // namespace holdfast::cli
