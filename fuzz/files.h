// All files of a database, to be put into another memory environment: what a killed process leaves, or a fresh start.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <holdfast/memory_env.h>

#include "base/check.h"

namespace holdfast::fuzz {

using Files = std::map<std::string, std::vector<std::byte>>;

inline Files files_of(Env& env, std::string_view path) {
  const auto directory = env.open_directory(path, DirectoryMode::kMustExist).value();
  const auto names = directory->list().value();
  Files files;
  for (const auto& name : names) {
    const auto file = directory->open_file(name, OpenMode::kReadOnly).value();
    std::vector<std::byte>& bytes = files[name];
    bytes.resize(file->size().value());
    CHECK(file->read_at(0, bytes).value() == bytes.size());
  }
  return files;
}

inline std::unique_ptr<Env> env_of(const Files& files, std::string_view path) {
  auto env = new_memory_env();
  const auto directory = env->open_directory(path, DirectoryMode::kCreateIfMissing).value();
  for (const auto& [name, bytes] : files) {
    CHECK(directory->open_file(name, OpenMode::kCreateNew).value()->write_at(0, bytes).has_value());
  }
  return env;
}

}  // namespace holdfast::fuzz
