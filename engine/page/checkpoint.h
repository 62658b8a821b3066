// Checkpoint: everything that must be written to make one state the durable one. Made by PageStore::begin_checkpoint.
//
// Owns:    the encoded free map; borrows the pages, which stay where they are until PageStore::end_checkpoint.
// Threads: one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <holdfast/ids.h>

#include "format/meta.h"
#include "page/arena.h"
#include "page/page_file.h"

namespace holdfast {

struct Checkpoint {
  // How far the writing came. In doubt: the meta page may be in the file.
  enum class Stage : uint8_t { kBeforeMeta, kInDoubt, kDurable };

  format::Meta meta;
  Stage stage = Stage::kBeforeMeta;
  std::vector<PageImage> images;     // in increasing order
  std::vector<std::byte> map_bytes;  // the free map's pages among them
  // The tree's pages among them, which are dirty until the checkpoint ends.
  std::vector<PageNumber> pages;
  std::vector<Frame*> frames;
  Epoch map_epoch{};  // with meta.csn the stamp of the free map's pages
};

}  // namespace holdfast
