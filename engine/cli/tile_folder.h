// TileFolder: a directory with the static files of a log (c2sp.org/tlog-tiles): checkpoint, and tile/...
//
// The checkpoint is written last, and replaced by a rename: whoever reads the directory never sees one that speaks of
// tiles which are not there. Without a checkpoint an export was interrupted, and what is there is written over.
//
// Threads: one. Fails: io, no_space; what was written stays, and may be written again.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <holdfast/env.h>
#include <holdfast/result.h>

#include "log/tiles.h"

namespace holdfast::cli {

class TileFolder {
 public:
  // Makes the directory, not its parents. Errors: already_exists (something else is in it), not_found, io, no_space.
  static Result<TileFolder> open(const std::string& path);

  // The signed note. Nothing: there is none yet. Errors: io; corruption (too long to be one).
  Result<std::optional<std::string>> checkpoint() const;
  Result<void> write(const log::Tile& tile, std::span<const std::byte> bytes);
  // Everything that was written is on disk, and the checkpoint speaks of it.
  Result<void> publish(std::string_view note);

 private:
  TileFolder(std::string path, std::unique_ptr<Directory> top) : path_(std::move(path)), top_(std::move(top)) {}
  // Makes `folder_` the one with this path below the top.
  Result<void> enter(const std::string& path);
  Result<void> leave();

  std::string path_;
  std::unique_ptr<Directory> top_;
  std::string folder_path_;
  std::unique_ptr<Directory> folder_;  // that was written to last
};

}  // namespace holdfast::cli
