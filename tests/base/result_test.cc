#include <holdfast/result.h>

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <set>
#include <string>

namespace holdfast {
namespace {

TEST(Error, says_everything_on_one_line) {
  EXPECT_EQ(Error(ErrorCode::kConflict, "another transaction was first").to_string(),
            "conflict: another transaction was first");
  EXPECT_EQ(Error(ErrorCode::kCorruption, "checksum mismatch").at("tree", 8192).to_string(),
            "corruption: checksum mismatch (file tree, offset 8192)");
  EXPECT_EQ(Error(ErrorCode::kNoSpace, "cannot write").at("tree").os(ENOSPC).to_string(),
            "no_space: cannot write (file tree): No space left on device");
  EXPECT_EQ(Error(ErrorCode::kIo, "cannot read").os(99999).to_string(), "io: cannot read: unknown system error");
}

TEST(Error, tells_offset_zero_from_no_offset) {
  EXPECT_FALSE(Error(ErrorCode::kIo, "m").at("tree").offset().has_value());
  EXPECT_EQ(Error(ErrorCode::kIo, "m").at("tree", 0).offset(), 0U);
  EXPECT_EQ(Error(ErrorCode::kIo, "m").at("tree", 0).to_string(), "io: m (file tree, offset 0)");
}

TEST(Error, copies_are_independent) {
  Error original = Error(ErrorCode::kIo, "first").at("tree", 1).os(EIO);
  const Error copy = original;
  original = Error(ErrorCode::kBusy, "second");
  EXPECT_EQ(copy.code(), ErrorCode::kIo);
  EXPECT_EQ(copy.message(), "first");
  EXPECT_EQ(copy.file(), "tree");
  EXPECT_EQ(copy.os_error(), EIO);
  EXPECT_EQ(original.message(), "second");
  Error assigned(ErrorCode::kBusy, "");
  assigned = copy;
  EXPECT_EQ(assigned.to_string(), copy.to_string());
}

TEST(Error, every_code_has_a_name_of_its_own) {
  std::set<std::string_view> names;
  for (uint8_t code = 0; code <= static_cast<uint8_t>(ErrorCode::kUnsupported); ++code) {
    names.insert(error_code_name(static_cast<ErrorCode>(code)));
  }
  EXPECT_EQ(names.size(), static_cast<size_t>(ErrorCode::kUnsupported) + 1);
  EXPECT_FALSE(names.contains("unknown"));
}

Result<int> half(int value) {
  if (value % 2 != 0) {
    return fail(ErrorCode::kInvalidArgument, "odd");
  }
  return value / 2;
}

Result<int> quarter(int value) {
  HOLDFAST_TRY(half(value));
  HOLDFAST_TRY_ASSIGN(const int once, half(value));
  HOLDFAST_TRY_ASSIGN(const int twice, half(once));
  return twice;
}

TEST(Result, try_passes_values_on_and_returns_errors) {
  EXPECT_EQ(quarter(12).value(), 3);
  EXPECT_EQ(quarter(6).error().message(), "odd");
  EXPECT_EQ(quarter(3).error().code(), ErrorCode::kInvalidArgument);
}

TEST(Result, carries_what_can_only_be_moved) {
  const auto make = []() -> Result<std::unique_ptr<int>> { return std::make_unique<int>(7); };
  const auto use = [&]() -> Result<int> {
    HOLDFAST_TRY_ASSIGN(const std::unique_ptr<int> value, make());
    return *value;
  };
  EXPECT_EQ(use().value(), 7);
}

}  // namespace
}  // namespace holdfast
