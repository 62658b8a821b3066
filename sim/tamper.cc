#include "sim/tamper.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/bytes.h"
#include "format/event_leaf.h"
#include "format/stream_segment.h"
#include "log/codec.h"
#include "sim/damage.h"
#include "sim/segment_image.h"

namespace holdfast::sim {

namespace {

using How = fault::TamperedStream::How;
constexpr auto kStream = Stream::kProbe;
constexpr int kPlacesTried = 12;

class Tamperer {
 public:
  Tamperer(SimDisk& disk, const SimDisk& older, uint32_t directory, const format::DatabaseId& id, Decisions& decisions)
      : disk_(disk),
        older_(older),
        directory_(directory),
        id_(id),
        decisions_(decisions),
        images_(segment_images(disk, directory, id)) {}

  std::optional<Tampering> run(How how) {
    for (int tried = 0; tried < kPlacesTried && !images_.empty(); ++tried) {
      image_ = &images_[below(images_.size())];
      at_ = below(image_->records.size());
      if (try_once(how)) {
        done_.text = fmt::format("{}, record {} in {}{}", fault::TamperedStream::name_of(how), done_.first_changed,
                                 image_->file_name(), done_.text);
        if (!done_.kinds.empty() && done_.first_changed == 1 && begins_like_another()) {
          done_.kinds.push_back(Tamper::kForeign);
        }
        return done_;
      }
    }
    return std::nullopt;
  }

 private:
  // Record 0 holds the hash of nothing in every stream: of two that say the same nobody can tell whose one is, once
  // record 1, which would hold its hash, is gone.
  bool begins_like_another() const {
    const auto begins = [](const SegmentImage& image) {
      return !image.records.empty() && image.records.front().record.offset == 0;
    };
    return begins(*image_) && std::ranges::any_of(images_, [&](const SegmentImage& other) {
             return other.name.stream_id != image_->name.stream_id && begins(other) &&
                    other.records.front().stored == image_->records.front().stored;
           });
  }
  size_t below(uint64_t n) { return static_cast<size_t>(decisions_.below(kStream, n)); }
  const ImageRecord& record() const { return image_->records[at_]; }
  bool is_last_file() const {
    return std::ranges::none_of(disk_.list(directory_), [this](const std::string& file) {
      const auto name = log::parse_segment_file_name(file);
      return name && name->stream_id == image_->name.stream_id && name->file > image_->name.file;
    });
  }
  bool is_last_record() const {
    return at_ + 1 == image_->records.size() && std::ranges::none_of(images_, [this](const SegmentImage& other) {
             return other.name.stream_id == image_->name.stream_id && other.name.file > image_->name.file;
           });
  }
  // Whether nothing but the record before it, or the header, comes before it.
  bool follows_directly() const { return at_ == 0 || image_->run_end(at_ - 1) > at_; }

  bool try_once(How how) {
    done_ = {};
    done_.first_changed = record().record.offset;
    done_.reads_are_genuine = true;
    switch (how) {
      case How::kFlippedBit:
      case How::kZeroedSector:
      case How::kStaleSector:
      case How::kSwappedSectors: return sector(how);
      case How::kPayload: return payload();
      case How::kLastRecord: return is_last_record() && payload();
      case How::kRemoved: return removed();
      case How::kSwapped: return swapped();
      case How::kDuplicated: return duplicated();
      case How::kForeign: return foreign();
      case How::kCutTail:
        done_.kinds = {Tamper::kTruncated};
        return replace(image_->bytes.substr(0, record().position));
      case How::kDroppedFile:
        done_.first_changed = image_->records.front().record.offset;
        done_.kinds = {is_last_file() ? Tamper::kTruncated : Tamper::kRemoved};
        take_file_away(disk_, directory_, image_->file_name());
        return true;
      case How::kOlderFile: return older();
      case How::kSuffix: return suffix();
      case How::kCount: break;
    }
    return false;
  }

  bool replace(const std::string& bytes) {
    replace_file(disk_, directory_, image_->file_name(), bytes);
    return true;
  }

  // --- by accident

  bool sector(How how) {
    std::string bytes = image_->bytes;
    const uint64_t place = below(bytes.size());
    const uint64_t first = place / kSectorBytes * kSectorBytes;
    const uint64_t size = std::min<uint64_t>(kSectorBytes, bytes.size() - first);
    if (how == How::kFlippedBit) {
      bytes[place] = static_cast<char>(bytes[place] ^ (1 << below(8)));
    } else if (how == How::kZeroedSector) {
      std::fill_n(bytes.begin() + static_cast<ptrdiff_t>(first), size, '\0');
    } else if (how == How::kSwappedSectors) {
      const uint64_t sectors = bytes.size() / kSectorBytes;
      if (sectors < 2 || size < kSectorBytes) {
        return false;
      }
      const uint64_t other = below(sectors) * kSectorBytes;
      std::swap_ranges(bytes.begin() + static_cast<ptrdiff_t>(first),
                       bytes.begin() + static_cast<ptrdiff_t>(first + kSectorBytes),
                       bytes.begin() + static_cast<ptrdiff_t>(other));
    } else {
      const uint32_t file = *disk_.find(directory_, image_->file_name());
      if (!damage_sector(disk_, file, first / kSectorBytes, fault::Kind::kStaleSector, 0)) {
        return false;
      }
      bytes = read_file(disk_, directory_, image_->file_name());
      heal(disk_);
    }
    return notice(bytes) && replace(bytes);
  }

  // Which record is the first that is not what it was. False: none is, nor the header or the footer.
  bool notice(const std::string& bytes) {
    const auto differs = [&](uint64_t from, uint64_t to) {
      return bytes.substr(from, to - from) != image_->bytes.substr(from, to - from);
    };
    done_.first_changed = image_->records.front().record.offset;
    if (differs(0, format::kStreamHeaderBytes)) {
      return true;
    }
    for (const ImageRecord& each : image_->records) {
      if (differs(each.position, each.position + each.bytes)) {
        done_.first_changed = each.record.offset;
        return true;
      }
    }
    // Behind a checkpoint it begins in a unit of its own, and the zeros before it say nothing.
    const uint64_t end = image_->end_of(image_->records.size() - 1);
    const uint64_t unit = format::kStreamUnitBytes;
    const bool is_there = image_->bytes.compare(end, format::kSealedMagic.size(), format::kSealedMagic.data(),
                                                format::kSealedMagic.size()) == 0;
    const uint64_t footer = is_there ? end : (end + unit - 1) / unit * unit;
    done_.only_the_footer = true;
    return !is_last_file() && footer < bytes.size() && differs(footer, footer_end(footer));
  }
  uint64_t footer_end(uint64_t end) const {
    return end +
           format::stream_footer_bytes(image_->records.front().record.offset, image_->records.back().record.offset + 1);
  }

  // --- on purpose

  // A record that is stored as it is, or the hash of one that was redacted.
  static bool change(ImageRecord& record, uint64_t random) {
    const bool plain = record.record.stored_as == format::StoredAs::kPlain;
    if ((!plain && record.record.stored_as != format::StoredAs::kRedacted) || record.stored.empty()) {
      return false;
    }
    const size_t skipped = plain ? 0 : format::kPayloadLengthBytes;
    char& byte = record.stored[skipped + random % (record.stored.size() - skipped)];
    byte = static_cast<char>(byte ^ (1 << (random >> 32U) % 8));
    return true;
  }

  bool payload() {
    ImageRecord changed = record();
    if (!change(changed, decisions_.draw(kStream))) {
      return false;
    }
    done_.kinds = {Tamper::kChanged};
    if (record().record.offset % format::kBlockRecords == format::kBlockRecords - 1 && !is_last_record()) {
      done_.kinds.push_back(Tamper::kForked);
    }
    done_.reads_are_genuine = false;
    return replace_run(record_text(changed, id_, image_->name.stream_id), 1);
  }

  // In place of `count` records from at_ on; what follows them without a gap moves, as far as there is room.
  bool replace_run(std::string text, size_t count) {
    const size_t end = image_->run_end(at_);
    const uint64_t room = image_->end_of(end - 1) - record().position;
    if (text.size() > room) {
      return false;
    }
    for (size_t next = at_ + count; next < end && text.size() + image_->records[next].bytes <= room; ++next) {
      text += record_text(image_->records[next], id_, image_->name.stream_id);
    }
    text.resize(room);
    std::string bytes = image_->bytes;
    bytes.replace(record().position, room, text);
    return replace(bytes);
  }

  bool removed() {
    done_.kinds = {Tamper::kRemoved};
    return image_->run_end(at_) > at_ + 1 && replace_run({}, 1);
  }

  bool swapped() {
    done_.kinds = {Tamper::kReordered};
    return image_->run_end(at_) > at_ + 1 &&
           replace_run(record_text(image_->records[at_ + 1], id_, image_->name.stream_id) +
                           record_text(record(), id_, image_->name.stream_id),
                       2);
  }

  bool duplicated() {
    done_.kinds = {Tamper::kReordered};
    done_.first_changed = record().record.offset + 1;
    const std::string text = record_text(record(), id_, image_->name.stream_id);
    return image_->run_end(at_) > at_ + 1 && replace_run(text + text, 1);
  }

  bool foreign() {
    if (!follows_directly()) {
      return false;
    }
    for (const SegmentImage& other : images_) {
      const uint64_t offset = record().record.offset;
      const auto theirs = std::ranges::find(other.records, offset, [](const auto& each) { return each.record.offset; });
      if (other.name.stream_id == image_->name.stream_id || theirs == other.records.end() ||
          theirs->stored == record().stored) {
        continue;
      }
      done_.kinds = {Tamper::kForeign};
      if (offset == 0) {
        done_.kinds.push_back(Tamper::kChanged);  // both hold the hash of nothing
      }
      done_.reads_are_genuine = false;
      const bool with_our_checksum = decisions_.chance(kStream, 1, 2);
      return replace_run(record_text(*theirs, id_, with_our_checksum ? image_->name.stream_id : other.name.stream_id),
                         1);
    }
    return false;
  }

  bool older() {
    const std::string name = image_->file_name();
    if (!older_.find(directory_, name)) {
      return false;
    }
    const std::string bytes = read_file(older_, directory_, name);
    std::string now = bytes;
    now.resize(image_->bytes.size());
    return bytes != image_->bytes && notice(now) && !done_.only_the_footer && replace(bytes);
  }

  // A payload is changed, and every hash behind it is made right, to the end of the stream.
  bool suffix() {
    done_.kinds = {Tamper::kForked, Tamper::kChanged};
    done_.reads_are_genuine = false;
    if (!change(image_->records[at_], decisions_.draw(kStream))) {
      return false;
    }
    Hash hash{};
    bool behind = false;
    for (SegmentImage& each : images_) {
      if (each.name.stream_id != image_->name.stream_id || each.name.file < image_->name.file) {
        continue;
      }
      for (size_t at = &each == image_ ? at_ : 0; at < each.records.size(); ++at) {
        ImageRecord& record = each.records[at];
        if (behind) {
          record.record.prev_hash = hash;
        }
        behind = true;
        hash = hash_of(record, each.name.stream_id);
        each.bytes.replace(record.position, record.bytes, record_text(record, id_, each.name.stream_id));
      }
      replace_file(disk_, directory_, each.file_name(), each.bytes);
    }
    return true;
  }

  Hash hash_of(const ImageRecord& record, uint64_t stream_id) const {
    format::Record whole = record.record;
    whole.stored = as_bytes(record.stored);
    uint32_t length = 0;
    static_cast<void>(format::payload_bytes(whole, length));
    log::CodecBuffer buffer;
    const auto payload = log::payload_of(whole, buffer);
    return format::chain_hash({.database_id = id_,
                               .stream_id = stream_id,
                               .offset = static_cast<int64_t>(whole.offset),
                               .kind = format::kEventKind,
                               .length = length,
                               .previous = whole.prev_hash,
                               .payload_digest = whole.stored_as == format::StoredAs::kRedacted
                                                     ? format::redacted_digest(whole)
                                                     : holdfast::sha256(*payload)});
  }

  SimDisk& disk_;
  const SimDisk& older_;
  const uint32_t directory_;
  const format::DatabaseId id_;
  Decisions& decisions_;
  std::vector<SegmentImage> images_;
  SegmentImage* image_ = nullptr;
  size_t at_ = 0;  // of its records
  Tampering done_;
};

}  // namespace

std::optional<Tampering> tamper_with(SimDisk& disk, const SimDisk& older, uint32_t directory,
                                     const format::DatabaseId& id, How how, Decisions& decisions) {
  return Tamperer(disk, older, directory, id, decisions).run(how);
}

}  // namespace holdfast::sim
