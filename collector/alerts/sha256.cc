#include "collector/alerts/sha256.h"

#include <openssl/evp.h>

namespace bulkhead::alerts {

Sha256 sha256(std::string_view bytes) {
  Sha256 digest{};
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  return digest;
}

void append_field(std::string& text, std::string_view field) {
  const std::uint64_t size = field.size();
  for (int shift = 56; shift >= 0; shift -= 8) text += static_cast<char>(size >> shift & 0xff);
  text += field;
}

}  // namespace bulkhead::alerts
