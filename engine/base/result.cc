#include <holdfast/result.h>

#include <cstring>

namespace holdfast {

std::string_view error_code_name(ErrorCode code) {
  switch (code) {
    case ErrorCode::kIo: return "io";
    case ErrorCode::kCorruption: return "corruption";
    case ErrorCode::kNotFound: return "not_found";
    case ErrorCode::kAlreadyExists: return "already_exists";
    case ErrorCode::kNoSpace: return "no_space";
    case ErrorCode::kConflict: return "conflict";
    case ErrorCode::kInvalidArgument: return "invalid_argument";
    case ErrorCode::kReadOnly: return "read_only";
    case ErrorCode::kBusy: return "busy";
    case ErrorCode::kOutcomeUnknown: return "outcome_unknown";
    case ErrorCode::kUnsupported: return "unsupported";
  }
  return "unknown";
}

Error::Error(ErrorCode code, std::string message) : code_(code), detail_(std::make_unique<Detail>()) {
  detail_->message = std::move(message);
}

Error::Error(const Error& other) : code_(other.code_), detail_(std::make_unique<Detail>(*other.detail_)) {}

Error& Error::operator=(const Error& other) {
  code_ = other.code_;
  detail_ = std::make_unique<Detail>(*other.detail_);
  return *this;
}

Error&& Error::at(std::string_view file) && {
  detail_->file = file;
  return std::move(*this);
}

Error&& Error::at(std::string_view file, uint64_t offset_bytes) && {
  detail_->file = file;
  detail_->offset = offset_bytes;
  return std::move(*this);
}

Error&& Error::os(int os_error) && {
  detail_->os_error = os_error;
  return std::move(*this);
}

std::string Error::to_string() const {
  std::string text(error_code_name(code_));
  text += ": ";
  text += detail_->message;
  if (!detail_->file.empty()) {
    text += " (file ";
    text += detail_->file;
    if (detail_->offset) {
      text += ", offset ";
      text += std::to_string(*detail_->offset);
    }
    text += ")";
  }
  if (detail_->os_error != 0) {
    text += ": ";
    text += strerrordesc_np(detail_->os_error) != nullptr ? strerrordesc_np(detail_->os_error) : "unknown system error";
  }
  return text;
}

}  // namespace holdfast
