#include "collector/detect/network_text.h"

#include <arpa/inet.h>
#include <fmt/format.h>

namespace bulkhead::detect {

std::string mac_text(const std::string& bytes) {
  std::string text;
  for (const char byte : bytes) {
    text += fmt::format("{}{:02x}", text.empty() ? "" : ":", static_cast<unsigned char>(byte));
  }
  return text;
}

std::string address_text(const std::string& bytes) {
  char text[INET6_ADDRSTRLEN] = "";
  const int family = bytes.size() == 4 ? AF_INET : bytes.size() == 16 ? AF_INET6 : AF_UNSPEC;
  if (family == AF_UNSPEC || inet_ntop(family, bytes.data(), text, sizeof text) == nullptr) return "";
  return text;
}

}  // namespace bulkhead::detect
