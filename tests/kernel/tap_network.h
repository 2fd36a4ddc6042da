// A bridge with taps in a network namespace of its own, which vanishes with it. Frames are written and read as a VMM
// does, through each tap's file.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/probes/ownership_maps.h"
#include "tests/support/stage/file_descriptor.h"

namespace bulkhead::test {

using Mac = std::array<std::uint8_t, 6>;

class TapNetwork {
 public:
  // Makes `taps` taps on one bridge. Throws std::system_error when this machine cannot.
  explicit TapNetwork(std::size_t taps);

  probes::PortKey key(std::size_t tap) const { return {network_namespace_, taps_.at(tap).ifindex}; }
  static Mac mac(std::size_t tap) { return {0x52, 0x54, 0x00, 0x00, 0x00, static_cast<std::uint8_t>(tap + 1)}; }

  // The frame enters the host from the guest behind the tap.
  void send(std::size_t tap, const std::vector<std::uint8_t>& frame);
  // The host forwards between its networks, the bridge being all of them, and knows the MAC of one address. Frames to
  // the bridge's MAC, which is returned, are routed.
  Mac route(std::array<std::uint8_t, 4> known, const Mac& known_mac);

  // The next frame for that guest that has `source` as its sender; nothing within the patience.
  std::optional<std::vector<std::uint8_t>> receive(std::size_t tap, const Mac& source, int patience_ms);

 private:
  struct Tap {
    stage::FileDescriptor file;
    std::uint32_t ifindex = 0;
  };
  void build(std::size_t taps);
  // In a thread of its own, in the network namespace.
  void run_inside(const std::function<void()>& act) const;

  stage::FileDescriptor namespace_file_;
  std::uint32_t network_namespace_ = 0;
  std::vector<Tap> taps_;
};

// An ARP request (RFC 826) of `sender` for the MAC of `target`.
std::vector<std::uint8_t> arp_request(const Mac& source, std::array<std::uint8_t, 4> sender,
                                      std::array<std::uint8_t, 4> target);

// Ethernet with an IPv6 header (RFC 8200) and `payload` bytes of no next header after it.
std::vector<std::uint8_t> ipv6_frame(const Mac& destination, const Mac& source, std::array<std::uint8_t, 16> from,
                                     std::array<std::uint8_t, 16> to, std::size_t payload);

// Ethernet with an IPv4 header and `payload` bytes after it.
std::vector<std::uint8_t> ipv4_frame(const Mac& destination, const Mac& source, std::array<std::uint8_t, 4> from,
                                     std::array<std::uint8_t, 4> to, std::size_t payload);

}  // namespace bulkhead::test
