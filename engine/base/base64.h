// Base64 (RFC 4648 section 4, with padding). The strict decoder is proof::base64_decode in <holdfast/proof.h>, which
// must stand alone.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace holdfast {

std::string base64_encode(std::span<const std::byte> bytes);

}  // namespace holdfast
