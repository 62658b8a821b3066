// The hand-made inputs of the fuzz targets: each file in corpus/<target>/ is what its name says.
//
// HOLDFAST_UPDATE_GOLDEN=1 in the environment writes them. Inputs that a fuzzer found lie beside them under other
// names.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/bytes.h"

namespace holdfast {

using CorpusInputs = std::map<std::string, std::vector<std::byte>>;

inline void expect_inputs(const std::string& target, const CorpusInputs& inputs) {
  const std::filesystem::path directory = std::filesystem::path(HOLDFAST_TESTS_DIR) / ".." / "corpus" / target;
  for (const auto& [name, bytes] : inputs) {
    const std::string text(as_text(bytes));
    if (std::getenv("HOLDFAST_UPDATE_GOLDEN") != nullptr) {
      std::filesystem::create_directories(directory);
      std::ofstream(directory / name, std::ios::binary) << text;
    }
    std::ifstream file(directory / name, std::ios::binary);
    ASSERT_TRUE(file) << "no " << (directory / name).string();
    EXPECT_EQ(std::string((std::istreambuf_iterator<char>(file)), {}), text) << target << "/" << name;
  }
}

}  // namespace holdfast
