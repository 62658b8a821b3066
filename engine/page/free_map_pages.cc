// See free_map.h. How the map lies in the file: loading it, and moving what changes in a generation.
#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/little_endian.h"
#include "format/free_map.h"
#include "page/free_map.h"

namespace holdfast {

namespace {

// A free tail is cut off when it is this share of the file and this long; what is kept of it is a much smaller share of
// the rest. So what a cut leaves is far from the next cut, and a file that shrinks page by page is cut a few times
// only. Measured with 20 breaths from 4,000 pages to 8,000 and back in 40 commits (cuts; file after a breath, of what
// is in use): keeping a 32nd 100, 1.11; an 8th 311, 1.16; a 64th 100, 1.04, which grows by 8 % more pages again.
constexpr uint64_t kTailShare = 8;
constexpr uint64_t kTailBytesMin = 256 * 1024;
constexpr uint64_t kTailKeptShare = 32;
static_assert(kTailKeptShare >= 2 * kTailShare, "what is left by a cut must be far from the next one");

}  // namespace

// How many nodes each level has for a file of so many pages: level 0 first.
std::vector<size_t> FreeMap::level_sizes(uint64_t page_count) const {
  std::vector<size_t> sizes = {static_cast<size_t>((page_count + pages_per_chunk_ - 1) / pages_per_chunk_)};
  while (sizes.back() > 1) {
    sizes.push_back((sizes.back() + fanout_ - 1) / fanout_);
  }
  return sizes;
}

std::span<const uint64_t> FreeMap::chunk_words(size_t chunk) const {
  const std::span<const uint64_t> words = free_.words();
  const size_t words_per_chunk = pages_per_chunk_ / PageBitmap::kBitsPerWord;
  const size_t begin = std::min(chunk * words_per_chunk, words.size());
  return words.subspan(begin, std::min(words_per_chunk, words.size() - begin));
}

// --- reading

Result<void> FreeMap::read_node(PageFile& file, size_t level, size_t index, std::span<std::byte> page) const {
  const format::PageRef& ref = levels_[level][index].ref;
  const format::PageExpectation expected{
      .ref = ref,
      .kind = level == 0 ? format::PageKind::kFreeMap : format::PageKind::kFreeMapIndex,
      .level = static_cast<uint8_t>(level),
      .checksum_seed = checksum_seed_,
  };
  const char* damage = nullptr;
  const auto sound = file.read_sound(ref.page, page, [&] { return damage = format::find_damage(page, expected); });
  if (!sound && damage != nullptr) {
    return fail(file.damage(ref.page, std::string("free map: ") + damage));
  }
  HOLDFAST_TRY(sound);
  if (level > 0) {
    const size_t children = std::min<size_t>(fanout_, levels_[level - 1].size() - index * fanout_);
    if (format::header_of(page.data()).count != children) {
      return fail(file.damage(ref.page, "free map: number of children"));
    }
  }
  return {};
}

Result<void> FreeMap::load(PageFile& file, const format::Meta& meta) {
  set_page_count(meta.page_count);
  levels_.clear();
  for (const size_t size : level_sizes(meta.page_count)) {
    levels_.emplace_back(size);
  }
  if (!meta.free_map.is_null() && meta.free_map_level != levels_.size() - 1) {
    return fail(file.damage(PageNumber{meta.slot}, "level of the free map"));
  }
  levels_.back().front().ref = meta.free_map;
  std::vector<std::byte> page(page_bytes_);
  std::vector<PageNumber> map_pages;
  for (size_t level = levels_.size(); level-- > 0;) {
    for (size_t index = 0; index < levels_[level].size(); ++index) {
      const format::PageRef ref = levels_[level][index].ref;
      if (ref.is_null()) {
        continue;
      }
      if (to_int(ref.page) >= page_count_ || map_pages_.test(to_int(ref.page))) {
        return fail(file.damage(ref.page, "free map: a page beyond the end, or used twice"));
      }
      map_pages_.flip(to_int(ref.page));
      map_pages.push_back(ref.page);
      HOLDFAST_TRY(read_node(file, level, index, page));
      if (level > 0) {
        for (uint32_t i = 0; i < format::header_of(page.data()).count; ++i) {
          levels_[level - 1][index * fanout_ + i].ref = format::free_map_index_child(page, i);
        }
        continue;
      }
      const std::span<const std::byte> bits = format::free_map_bits(std::span<const std::byte>(page));
      const uint64_t first = chunk_begin(index);
      for (uint32_t i = 0; i < pages_per_chunk_; i += PageBitmap::kBitsPerWord) {
        const auto word = load_le<uint64_t>(bits.data() + i / 8);
        const uint64_t at = first + i;
        const uint64_t known = page_count_ <= at ? 0 : std::min<uint64_t>(page_count_ - at, PageBitmap::kBitsPerWord);
        const bool beyond_end = known < PageBitmap::kBitsPerWord && word >> known != 0;
        const bool is_meta = at == 0 && (word & 3) != 0;
        if (beyond_end || is_meta) {
          return fail(file.damage(ref.page, "free map: a page that cannot be free"));
        }
        if (word != 0) {
          free_.load_word(static_cast<uint32_t>(at / PageBitmap::kBitsPerWord), word);
          allocatable_.load_word(static_cast<uint32_t>(at / PageBitmap::kBitsPerWord), word);
          stock_[index].allocatable += static_cast<uint32_t>(std::popcount(word));
        }
      }
    }
  }
  for (const PageNumber each : map_pages) {
    if (free_.test(to_int(each))) {
      return fail(file.damage(each, "free map: a page of the map is free"));
    }
  }
  if (free_.count() != meta.free_count) {
    return fail(file.damage(PageNumber{meta.slot}, "number of free pages differs from the free map's"));
  }
  return {};
}

void FreeMap::verify(PageFile& file, const std::function<void(PageNumber page, std::string what)>& damage) const {
  std::vector<std::byte> page(page_bytes_);
  std::vector<std::byte> expected(page_bytes_);
  for (size_t level = levels_.size(); level-- > 0;) {
    for (size_t index = 0; index < levels_[level].size(); ++index) {
      const format::PageRef& ref = levels_[level][index].ref;
      if (ref.is_null()) {
        continue;
      }
      if (const auto read = read_node(file, level, index, page); !read) {
        damage(ref.page, read.error().message());
        continue;
      }
      encode_node(level, index, expected);
      if (!levels_[level][index].is_changed && !std::ranges::equal(page, expected)) {
        damage(ref.page, "free map: differs from the map in memory");
      }
    }
  }
}

// --- writing

void FreeMap::encode_node(size_t level, size_t index, std::span<std::byte> page) const {
  std::ranges::fill(page, std::byte{0});
  const format::PageKind kind = level == 0 ? format::PageKind::kFreeMap : format::PageKind::kFreeMapIndex;
  format::stamp_page(page, levels_[level][index].ref, kind, static_cast<uint8_t>(level));
  if (level == 0) {
    std::byte* at = format::free_map_bits(page).data();
    for (const uint64_t word : chunk_words(index)) {
      store_le<uint64_t>(at, word);
      at += sizeof word;
    }
  } else {
    const Level& below = levels_[level - 1];
    std::vector<format::PageRef> children;
    for (size_t i = index * fanout_; i < std::min((index + 1) * fanout_, below.size()); ++i) {
      children.push_back(below[i].ref);
    }
    format::encode_free_map_index(page, children);
  }
  format::seal_page(page, checksum_seed_);
}

std::vector<PageImage> FreeMap::encode(std::vector<std::byte>& bytes) const {
  size_t count = 0;
  for (const Level& level : levels_) {
    count += static_cast<size_t>(std::ranges::count_if(level, &Node::is_placed));
  }
  bytes.resize(count * page_bytes_);
  std::vector<PageImage> images;
  for (size_t level = 0; level < levels_.size(); ++level) {
    for (size_t index = 0; index < levels_[level].size(); ++index) {
      if (levels_[level][index].is_placed) {
        const std::span<std::byte> page = std::span(bytes).subspan(images.size() * page_bytes_, page_bytes_);
        encode_node(level, index, page);
        images.push_back({levels_[level][index].ref.page, page.data()});
      }
    }
  }
  return images;
}

// Nodes beyond the levels that exist are made, and marked, by reshape().
void FreeMap::mark_changed(size_t level, size_t index) {
  for (; level < levels_.size() && index < levels_[level].size() && !levels_[level][index].is_changed; ++level) {
    levels_[level][index].is_changed = true;
    index /= fanout_;
  }
}

bool FreeMap::has_content(size_t level, size_t index) const {
  if (level == 0) {
    return std::ranges::any_of(chunk_words(index), [](uint64_t word) { return word != 0; });
  }
  const Level& below = levels_[level - 1];
  const auto begin = below.begin() + static_cast<ptrdiff_t>(index * fanout_);
  const auto end = below.begin() + static_cast<ptrdiff_t>(std::min((index + 1) * fanout_, below.size()));
  return std::any_of(begin, end, [](const Node& node) { return !node.ref.is_null(); });
}

void FreeMap::drop_node(Node& node, std::vector<DeadPage>& dead) {
  if (node.ref.is_null()) {
    return;
  }
  const PageNumber page = node.ref.page;
  dead.push_back({page, node.ref.birth});
  node.ref = {};
  change(Which::kMapPages, page);
  change(Which::kFree, page);
}

// How many pages at the end are allocatable, or (if asked) belong to the map.
uint64_t FreeMap::tail_pages(Tail what) const {
  const auto word_of = [&](size_t index) {
    return allocatable_.words()[index] | (what == Tail::kAllocatableOrMap ? map_pages_.words()[index] : uint64_t{0});
  };
  uint64_t tail = 0;
  while (tail < page_count_) {
    const uint64_t last = page_count_ - 1 - tail;
    const auto in_word = static_cast<uint32_t>(last % PageBitmap::kBitsPerWord) + 1;
    const uint64_t word = word_of(last / PageBitmap::kBitsPerWord) << (PageBitmap::kBitsPerWord - in_word);
    const uint32_t ones = std::min(static_cast<uint32_t>(std::countl_one(word)), in_word);
    tail += ones;
    if (ones < in_word) {
      break;
    }
  }
  return tail;
}

void FreeMap::drop_free_tail() {
  const uint64_t wanted = std::max(page_count_ / kTailShare, kTailBytesMin / page_bytes_);
  if (allocatable_.count() < wanted / 2) {
    return;
  }
  const uint64_t tail_with_map = tail_pages(Tail::kAllocatableOrMap);
  const uint64_t tail = tail_pages(Tail::kAllocatable);
  if (tail_with_map >= wanted && tail < tail_with_map) {
    // Pages of the map lie in the way: they move down, and the tail goes with the next commit.
    prefer_lowest_ = true;
    for (size_t level = 0; level < levels_.size(); ++level) {
      for (size_t index = 0; index < levels_[level].size(); ++index) {
        if (to_int(levels_[level][index].ref.page) >= page_count_ - tail_with_map) {
          mark_changed(level, index);
        }
      }
    }
  }
  if (tail < wanted) {
    return;
  }
  const uint64_t rest = page_count_ - tail;
  const uint64_t keep = rest + std::min(tail, rest / kTailKeptShare);
  for (uint64_t page = keep; page < page_count_; ++page) {
    change(Which::kAllocatable, PageNumber{static_cast<uint32_t>(page)});
    change(Which::kFree, PageNumber{static_cast<uint32_t>(page)});
  }
  set_page_count(keep);
}

// Gives the levels the shape that the file's length asks for.
void FreeMap::reshape(std::vector<DeadPage>& dead) {
  const std::vector<size_t> sizes = level_sizes(page_count_);
  std::vector<size_t> sizes_before;
  std::vector<Node> dropped;
  for (size_t level = 0; level < levels_.size(); ++level) {
    const size_t size = level < sizes.size() ? sizes[level] : 0;
    sizes_before.push_back(levels_[level].size());
    for (size_t index = size; index < levels_[level].size(); ++index) {
      dropped.push_back(levels_[level][index]);
    }
    levels_[level].resize(size);
  }
  levels_.resize(sizes.size());
  sizes_before.resize(sizes.size());
  for (size_t level = 0; level < sizes.size(); ++level) {
    levels_[level].resize(sizes[level]);
  }
  for (size_t level = 0; level < sizes.size(); ++level) {
    if (sizes[level] == sizes_before[level]) {
      continue;
    }
    for (size_t index = sizes_before[level]; index < sizes[level]; ++index) {
      mark_changed(level, index);
    }
    if (const size_t kept = std::min(sizes[level], sizes_before[level]); kept > 0) {
      mark_changed(level + 1, (kept - 1) / fanout_);  // the number of its children changed
    }
  }
  for (Node& node : dropped) {
    CHECK(!node.is_placed);
    drop_node(node, dead);
  }
}

Result<void> FreeMap::plan(Epoch epoch, Csn csn, std::vector<DeadPage>& dead) {
  drop_free_tail();
  reshape(dead);
  // Freeing the old page and taking a new one may change further nodes, and lengthen the file; each node is placed
  // once, so this ends.
  for (size_t level = 0; level < levels_.size();) {
    size_t index = 0;
    while (index < levels_[level].size() && (!levels_[level][index].is_changed || levels_[level][index].is_placed)) {
      ++index;
    }
    if (index == levels_[level].size()) {
      ++level;
      continue;
    }
    if (levels_[level][index].ref.is_null() && !has_content(level, index)) {
      levels_[level][index].is_changed = false;  // no free page, no map page; until something in it changes
      continue;
    }
    drop_node(levels_[level][index], dead);
    if (has_content(level, index)) {
      // The last free page cannot hold the map that says that it is free.
      HOLDFAST_TRY_ASSIGN(const PageNumber page, free_.count() == 1 ? extend(1) : allocate());
      levels_[level][index].ref = {.page = page, .epoch = epoch, .birth = csn, .has_overflow = false};
      levels_[level][index].is_placed = true;
      levels_[level][index].is_changed = true;
      change(Which::kMapPages, page);
      mark_changed(level + 1, index / fanout_);
    }
    reshape(dead);
    level = 0;
  }
  return {};
}

}  // namespace holdfast
