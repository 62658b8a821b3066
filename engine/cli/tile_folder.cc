#include "cli/tile_folder.h"

#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <holdfast/proof.h>

#include "base/bytes.h"

namespace holdfast::cli {
namespace {

constexpr std::string_view kCheckpointName = "checkpoint";
constexpr std::string_view kNewCheckpointName = "checkpoint.new";
constexpr std::string_view kTileName = "tile";

// The file is on disk when this returns, if its name is.
Result<void> write_file(Directory& directory, std::string_view name, std::span<const std::byte> bytes) {
  HOLDFAST_TRY_ASSIGN(const auto file, directory.open_file(name, OpenMode::kCreate));
  HOLDFAST_TRY(file->truncate(0));
  HOLDFAST_TRY(file->write_at(0, bytes));
  return file->sync();
}

}  // namespace

Result<TileFolder> TileFolder::open(const std::string& path) {
  HOLDFAST_TRY_ASSIGN(auto top, posix_env().open_directory(path, DirectoryMode::kCreateIfMissing));
  std::error_code failed;
  for (std::filesystem::directory_iterator it(path, failed), end; !failed && it != end; it.increment(failed)) {
    const std::string name = it->path().filename().string();
    if (name != kTileName && name != kCheckpointName && name != kNewCheckpointName) {
      return fail(ErrorCode::kAlreadyExists,
                  fmt::format("\"{}\" is in \"{}\": export into a new directory, or one with an export of this stream",
                              name, path));
    }
  }
  if (failed) {
    return fail(Error(ErrorCode::kIo, fmt::format("cannot list the directory \"{}\"", path)).os(failed.value()));
  }
  return TileFolder(path, std::move(top));
}

Result<std::optional<std::string>> TileFolder::checkpoint() const {
  auto file = top_->open_file(kCheckpointName, OpenMode::kReadOnly);
  if (!file && file.error().code() == ErrorCode::kNotFound) return std::nullopt;
  if (!file) return fail(std::move(file).error());
  HOLDFAST_TRY_ASSIGN(const uint64_t bytes, (*file)->size());
  if (bytes > proof::kTextBytesMax) {
    return fail(ErrorCode::kCorruption, fmt::format("\"{}/{}\" is too long", path_, kCheckpointName));
  }
  std::string note(bytes, '\0');
  HOLDFAST_TRY_ASSIGN(const size_t read, (*file)->read_at(0, std::as_writable_bytes(std::span(note))));
  note.resize(read);
  return std::optional(std::move(note));
}

Result<void> TileFolder::enter(const std::string& path) {
  if (folder_ && folder_path_ == path) return {};
  HOLDFAST_TRY(leave());
  // One level after the other: each makes the name of the next durable.
  for (size_t end = path.find('/');; end = path.find('/', end + 1)) {
    const std::string folder = fmt::format("{}/{}", path_, path.substr(0, end));
    HOLDFAST_TRY_ASSIGN(folder_, posix_env().open_directory(folder, DirectoryMode::kCreateIfMissing));
    if (end == std::string::npos) break;
  }
  folder_path_ = path;
  return {};
}

Result<void> TileFolder::leave() {
  if (!folder_) return {};
  HOLDFAST_TRY(folder_->sync());
  folder_.reset();
  return {};
}

Result<void> TileFolder::write(const log::Tile& tile, std::span<const std::byte> bytes) {
  const std::string path = log::tile_path(tile);
  const size_t slash = path.rfind('/');
  HOLDFAST_TRY(enter(path.substr(0, slash)));
  return write_file(*folder_, path.substr(slash + 1), bytes);
}

Result<void> TileFolder::publish(std::string_view note) {
  HOLDFAST_TRY(leave());
  HOLDFAST_TRY(write_file(*top_, kNewCheckpointName, as_bytes(note)));
  HOLDFAST_TRY(top_->rename(kNewCheckpointName, kCheckpointName));
  return top_->sync();
}

}  // namespace holdfast::cli
