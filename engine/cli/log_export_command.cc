// log export: a stream's tree as static files (c2sp.org/tlog-tiles), which anybody can serve, and anybody can check.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <holdfast/proof.h>

#include "base/check.h"
#include "cli/key_file.h"
#include "cli/log_commands.h"
#include "cli/terminal.h"
#include "cli/text.h"
#include "cli/tile_folder.h"
#include "log/checkpoint_note.h"
#include "log/compact_range.h"

namespace holdfast::cli {
namespace {

struct ExportArgs {
  std::string path;
  std::string stream;
  std::string directory;
  std::string key;
  std::string origin;
};

class Exporter {
 public:
  Exporter(const StreamView& stream, TileFolder& folder, const log::SignerKey& key, std::string origin)
      : stream_(stream), folder_(folder), key_(key), origin_(std::move(origin)), progress_("exporting") {}

  // All or nothing: before it has written everything there is no new checkpoint.
  Result<ExitCode> run() {
    HOLDFAST_TRY_ASSIGN(tree_, stream_.tree_head());
    HOLDFAST_TRY_ASSIGN(const std::optional<uint64_t> exported, exported_before());
    const uint64_t old_size = exported.value_or(0);
    if (exported == tree_.size) {
      return told(fmt::format("nothing is new: the checkpoint is of {} already\n", counted(tree_.size, "record")));
    }
    HOLDFAST_TRY(write_tiles(old_size));
    progress_.clear();
    if (interrupted()) {
      say("holdfast: interrupted; there is no new checkpoint. Run it again, with the same directory");
      return ExitCode::kInterrupted;
    }
    HOLDFAST_TRY_ASSIGN(const std::string note,
                        log::sign_checkpoint({origin_, tree_.size, tree_.root, {}}, std::span(&key_, 1)));
    HOLDFAST_TRY(folder_.publish(note));
    return told(
        fmt::format("exported: {}; {} new files and a signed checkpoint\n", counted(tree_.size, "record"), files_));
  }

 private:
  static Result<ExitCode> told(const std::string& text) {
    Output output;
    output.write(text);
    HOLDFAST_TRY(output.flush());
    return ExitCode::kDone;
  }

  // The size that the directory's checkpoint speaks of. Errors: corruption, if that is not how this stream began.
  Result<std::optional<uint64_t>> exported_before() {
    HOLDFAST_TRY_ASSIGN(const std::optional<std::string> note, folder_.checkpoint());
    if (!note) return std::nullopt;
    const auto checkpoint = proof::open_checkpoint(*note, key_.verifier(), origin_);
    if (!checkpoint) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("the checkpoint in the directory is not one of this key and log: {}",
                              escaped(checkpoint.error().message)));
    }
    if (checkpoint->size <= tree_.size) {
      HOLDFAST_TRY_ASSIGN(const TreeHead then, stream_.tree_head_at(checkpoint->size));
      if (then.root == checkpoint->root) return checkpoint->size;
    }
    return fail(ErrorCode::kCorruption,
                fmt::format("the checkpoint in the directory is of {}, and the stream does not begin with those: it is "
                            "another history",
                            counted(checkpoint->size, "record")));
  }

  Result<void> write_tiles(uint64_t old_size) {
    for (const log::TileRow& row : log::new_tiles(old_size, tree_.size)) {
      if (row.level == 0) continue;  // written together with the entries
      const uint64_t end = row.full_end + (row.partial_width > 0 ? 1 : 0);
      if (!row.level) {
        HOLDFAST_TRY_ASSIGN(edge_, log::compact_range_of(row.first * log::kTileWidth, source()));
      }
      for (uint64_t index = row.first; index < end && !interrupted(); ++index) {
        const log::Tile tile{row.level, index, index < row.full_end ? log::kTileWidth : row.partial_width};
        HOLDFAST_TRY(row.level ? write_hashes(tile) : write_leaves(tile));
      }
      // A tile of wrong hashes is worse than none, and a signature under it worse still.
      if (!row.level && !interrupted() && edge_.root() != tree_.root) {
        return fail(ErrorCode::kCorruption,
                    "the records do not make up the stream's tree head; `holdfast log verify` says where");
      }
    }
    return {};
  }

  // Up to 256 leaves, and their hashes.
  Result<void> write_leaves(log::Tile tile) {
    const uint64_t first = tile.index * log::kTileWidth;
    HOLDFAST_TRY_ASSIGN(const std::vector<RecordLeaf> leaves, stream_.leaves(first, tile.width));
    CHECK(leaves.size() == tile.width);
    const auto leaf_at = [&](uint64_t offset) -> Result<std::vector<std::byte>> {
      const RecordLeaf& leaf = leaves[offset - first];
      return std::vector<std::byte>(leaf.begin(), leaf.end());
    };
    HOLDFAST_TRY_ASSIGN(const std::vector<std::byte> entries, log::bundle_bytes(tile, leaf_at));
    HOLDFAST_TRY(write(tile, entries));
    std::vector<std::byte> hashes;
    for (const RecordLeaf& leaf : leaves) {
      const Hash hash = proof::chain_hash(leaf);
      edge_.append(hash);
      hashes.insert(hashes.end(), hash.begin(), hash.end());
    }
    tile.level = 0;
    HOLDFAST_TRY(write(tile, hashes));
    if (progress_.due()) {
      const uint64_t done = first + tile.width;
      progress_.update(done, tree_.size, fmt::format("record {} of {}", done, tree_.size));
    }
    return {};
  }

  Result<void> write_hashes(const log::Tile& tile) {
    HOLDFAST_TRY_ASSIGN(const std::vector<std::byte> hashes, log::tile_bytes(tile, source()));
    return write(tile, hashes);
  }

  Result<void> write(const log::Tile& tile, std::span<const std::byte> bytes) {
    ++files_;
    return folder_.write(tile, bytes);
  }

  log::HashSource source() const {
    return [this](uint8_t level, uint64_t index) { return stream_.subtree(level, index); };
  }

  const StreamView& stream_;
  TileFolder& folder_;
  const log::SignerKey& key_;
  const std::string origin_;
  Progress progress_;
  TreeHead tree_;
  log::CompactRange edge_;  // of the leaves that were written
  uint64_t files_ = 0;
};

Result<ExitCode> run_export(const ExportArgs& args) {
  catch_interrupts();
  HOLDFAST_TRY_ASSIGN(const log::SignerKey key, read_private_key(args.key));
  HOLDFAST_TRY_ASSIGN(Database database, open_to_read(args.path));
  const Snapshot snapshot = database.snapshot();
  HOLDFAST_TRY_ASSIGN(const StreamView stream, existing_stream(snapshot, args.stream));
  HOLDFAST_TRY_ASSIGN(TileFolder folder, TileFolder::open(args.directory));
  return Exporter(stream, folder, key, args.origin.empty() ? key.verifier().name : args.origin).run();
}

void define_export(CLI::App& command, ExportArgs& args) {
  add_stream_argument(command, args.stream);
  command.add_option("DIRECTORY", args.directory, "A new directory, or one with an earlier export of the stream")
      ->required();
  add_signer_options(command, args.key, args.origin)->required();
  command.footer(
      "Writes the stream's Merkle tree as static files in the C2SP tlog-tiles layout: checkpoint (signed), "
      "tile/LEVEL/N\n"
      "(256 hashes each), tile/entries/N (256 leaves each: 117 bytes that hold offset, length and SHA-256 of the "
      "payload;\n"
      "the payloads stay at home). Any web server can hand them out, and any reader recompute the root.\n"
      "Given a directory with an earlier export it adds what is new; after an interruption, run it again. Trimmed "
      "records\n"
      "can only be in an export that was made before.\n\n"
      "Example: holdfast log export orders.db audit /srv/www/audit --key audit.key");
}

}  // namespace

void add_log_export_command(CLI::App& log, Chosen& chosen) {
  add_command<ExportArgs>(log, chosen, "export", "Write the tree as static files, to publish it", run_export,
                          define_export);
}

}  // namespace holdfast::cli
