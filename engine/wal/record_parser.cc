#include "wal/record_parser.h"

#include <algorithm>

namespace holdfast::wal {

const char* RecordParser::add_frame(const format::FrameHeader& header, std::span<const std::byte> body,
                                    uint32_t segment_index, uint32_t offset) {
  const size_t records = contents_.records.size();
  const size_t pieces = contents_.pieces.size();
  const char* broken = parse(header, {body, segment_index, offset});
  if (broken != nullptr) {
    contents_.records.resize(records);
    contents_.pieces.resize(pieces);
  }
  return broken;
}

const char* RecordParser::parse(const format::FrameHeader& header, Cursor cursor) {
  if (const char* broken = take_continuation(header, cursor)) {
    return broken;
  }
  while (!cursor.left.empty()) {
    if (const char* broken = take(cursor)) {
      return broken;
    }
  }
  return header.ends_inside == is_inside() ? nullptr : "its records do not end where it says";
}

const char* RecordParser::take_continuation(const format::FrameHeader& header, Cursor& cursor) {
  if (state_ == State::kStart) {
    state_ = header.continued_bytes > 0 ? State::kSkipping : State::kBetween;
  }
  if ((header.continued_bytes > 0) != is_inside()) {
    return "it does not go on where the frame before it ended";
  }
  Cursor continuation{cursor.left.first(header.continued_bytes), cursor.segment_index, cursor.offset};
  cursor.left = cursor.left.subspan(header.continued_bytes);
  cursor.offset += header.continued_bytes;
  if (state_ == State::kSkipping) {
    const bool goes_on = cursor.left.empty() && header.ends_inside;
    state_ = goes_on ? State::kSkipping : State::kBetween;
    return nullptr;
  }
  while (is_inside() && !continuation.left.empty()) {
    if (const char* broken = take(continuation)) {
      return broken;
    }
  }
  const bool ends_here = continuation.left.empty() && (!is_inside() || cursor.left.empty());
  return ends_here ? nullptr : "its first record does not end where it says";
}

const char* RecordParser::take(Cursor& cursor) {
  if (state_ == State::kBetween) {
    state_ = State::kInHeader;
    header_bytes_ = 0;
  }
  if (state_ == State::kInHeader) {
    if (const char* broken = take_header(cursor)) {
      return broken;
    }
  }
  if (state_ == State::kInBody) {
    take_body(cursor);
  }
  return nullptr;
}

const char* RecordParser::take_header(Cursor& cursor) {
  const size_t bytes = std::min(cursor.left.size(), header_.size() - header_bytes_);
  std::ranges::copy(cursor.left.first(bytes), header_.begin() + static_cast<std::ptrdiff_t>(header_bytes_));
  header_bytes_ += bytes;
  cursor.left = cursor.left.subspan(bytes);
  cursor.offset += static_cast<uint32_t>(bytes);
  if (header_bytes_ < header_.size()) {
    return nullptr;
  }
  format::RecordHeader header;
  if (format::decode_record_header(header_, header) != nullptr) {
    return "a record's header breaks its rules";
  }
  if (header.first_csn <= last_csn_) {
    return "a record's csns do not go up";
  }
  last_csn_ = header.last_csn();
  record_ = {header.first_csn,  header.csn_count,        header.checksum,
             header.body_bytes, contents_.pieces.size(), contents_.pieces.size()};
  body_left_ = header.body_bytes;
  state_ = State::kInBody;
  return nullptr;
}

void RecordParser::take_body(Cursor& cursor) {
  const auto bytes = static_cast<uint32_t>(std::min<uint64_t>(cursor.left.size(), body_left_));
  if (bytes > 0) {
    contents_.pieces.push_back({cursor.segment_index, cursor.offset, bytes});
    cursor.left = cursor.left.subspan(bytes);
    cursor.offset += bytes;
    body_left_ -= bytes;
  }
  if (body_left_ == 0) {
    record_.piece_end = contents_.pieces.size();
    contents_.records.push_back(record_);
    state_ = State::kBetween;
  }
}

}  // namespace holdfast::wal
