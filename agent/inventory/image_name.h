// What the name of an image means, as QEMU reads it: a file of this host, or storage behind a network protocol. Pure;
// names come from headers, and are hostile.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bulkhead::inventory {

// One of the two is empty.
struct ImagePlace {
  std::string path;      // absolute; any bytes but 0
  std::string identity;  // as network_identity() has it

  bool operator==(const ImagePlace&) const = default;
};

inline constexpr std::size_t kMaxPlaces = 16;

// All places that the name leads to: one, but for a "json:" name or a debugging protocol, which can have several; none
// for a name that leads nowhere. A relative path is taken from `directory`, that of the image whose header names it.
// Passwords, keys and options are left out.
std::vector<ImagePlace> places_of(std::string_view name, const std::string& directory);

// "protocol:name" where the name says it alone (rbd, iscsi, gluster, sheepdog: one cluster or target, by whatever
// monitor or portal), "protocol://host:port/name" elsewhere.
std::string network_identity(std::string_view protocol, std::string_view name, std::string_view host,
                             std::string_view port);

// For events, inventory and logs: control characters and what is no UTF-8 replaced by '?', cut to 4095 bytes.
std::string printable_name(std::string_view name);

}  // namespace bulkhead::inventory
