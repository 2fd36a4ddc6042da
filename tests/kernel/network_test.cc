#include <catch2/catch.hpp>

#include "tests/kernel/kernel_host.h"
#include "tests/kernel/tap_network.h"
#include "tests/support/skip.h"

namespace bulkhead::test {
namespace {

using decode::DeliveryRecord;

const std::vector<v1::Probe> kWatched = {v1::PROBE_NETWORK_DELIVERY};

constexpr std::array<std::uint8_t, 4> kAcmeAddress = {10, 77, 0, 11};
constexpr std::array<std::uint8_t, 4> kGlobexAddress = {10, 77, 0, 21};
constexpr Mac kBroadcast = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
constexpr std::size_t kAcmeTap = 0, kGlobexTap = 1, kAcmeSecondTap = 2;

std::string bytes_of(std::span<const std::uint8_t> bytes) {
  return {bytes.begin(), bytes.end()};
}

// acme, globex, and acme again.
struct Network {
  TapNetwork taps{3};
  explicit Network(KernelHost& host) {
    REQUIRE(host.maps().set_port(taps.key(kAcmeTap), kAcme, TapNetwork::mac(kAcmeTap)).ok());
    REQUIRE(host.maps().set_port(taps.key(kGlobexTap), kGlobex, TapNetwork::mac(kGlobexTap)).ok());
    const probes::Owner second = {.tenant = kAcme.tenant, .domain = 12};
    REQUIRE(host.maps().set_port(taps.key(kAcmeSecondTap), second, TapNetwork::mac(kAcmeSecondTap)).ok());
  }
  // The bridge learns where a MAC is from the frames that it sends.
  void teach(KernelHost& host) {
    for (std::size_t tap = 0; tap < 3; ++tap) {
      taps.send(tap, ipv4_frame(TapNetwork::mac(tap), TapNetwork::mac(tap), {}, {}, 0));
    }
    host.collect_until_marker();
  }
};

TEST_CASE("a frame that reaches another tenant's port is told with both ends", "[NET-03]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  Network network(host);
  network.teach(host);
  const auto frame =
      ipv4_frame(TapNetwork::mac(kAcmeTap), TapNetwork::mac(kGlobexTap), kGlobexAddress, kAcmeAddress, 66);
  network.taps.send(kGlobexTap, frame);
  REQUIRE(network.taps.receive(kAcmeTap, TapNetwork::mac(kGlobexTap), 5000) == frame);

  const auto deliveries = only<DeliveryRecord>(host.collect_until_marker());
  REQUIRE(deliveries.size() == 1);
  const DeliveryRecord& record = deliveries.front();
  CHECK(record.header.probe == v1::PROBE_NETWORK_DELIVERY);
  CHECK(record.header.actor.tenant == kGlobex.tenant);
  CHECK(record.header.actor.domain == kGlobex.domain);
  CHECK(record.header.object.tenant == kAcme.tenant);
  CHECK(record.header.object.domain == kAcme.domain);
  CHECK(record.header.actor_key.tgid == 0);
  CHECK(record.source_mac_is_ports);
  CHECK(record.frame.source_ifindex() == network.taps.key(kGlobexTap).ifindex);
  CHECK(record.frame.destination_ifindex() == network.taps.key(kAcmeTap).ifindex);
  CHECK(record.frame.network_namespace() == network.taps.key(kAcmeTap).network_namespace);
  CHECK(record.frame.source_mac() == bytes_of(TapNetwork::mac(kGlobexTap)));
  CHECK(record.frame.destination_mac() == bytes_of(TapNetwork::mac(kAcmeTap)));
  CHECK(record.frame.ethertype() == 0x0800);
  CHECK(record.frame.source_address() == bytes_of(kGlobexAddress));
  CHECK(record.frame.destination_address() == bytes_of(kAcmeAddress));
  CHECK(record.frame.ip_protocol() == 17);
  CHECK(record.frame.frames() == 1);
  CHECK(record.frame.bytes() == frame.size());
}

TEST_CASE("a frame between two ports of one tenant is counted and not told", "[NET-03][twin]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  Network network(host);
  network.teach(host);
  const auto before = host.counters_of(v1::PROBE_NETWORK_DELIVERY);
  network.taps.send(kAcmeTap, ipv4_frame(TapNetwork::mac(kAcmeSecondTap), TapNetwork::mac(kAcmeTap), {}, {}, 10));
  REQUIRE(network.taps.receive(kAcmeSecondTap, TapNetwork::mac(kAcmeTap), 5000));
  CHECK(only<DeliveryRecord>(host.collect_until_marker()).empty());
  const auto after = host.counters_of(v1::PROBE_NETWORK_DELIVERY);
  CHECK(after.seen() - before.seen() == 1);
  CHECK(after.suppressed() - before.suppressed() == 1);
}

TEST_CASE("a flooded frame is told for each foreign port that it reaches, and for no other", "[NET-03]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  Network network(host);
  network.taps.send(kAcmeTap, ipv4_frame(kBroadcast, TapNetwork::mac(kAcmeTap), kAcmeAddress, kGlobexAddress, 10));
  REQUIRE(network.taps.receive(kGlobexTap, TapNetwork::mac(kAcmeTap), 5000));
  REQUIRE(network.taps.receive(kAcmeSecondTap, TapNetwork::mac(kAcmeTap), 5000));
  const auto deliveries = only<DeliveryRecord>(host.collect_until_marker());
  REQUIRE(deliveries.size() == 1);
  CHECK(deliveries.front().frame.destination_ifindex() == network.taps.key(kGlobexTap).ifindex);
}

TEST_CASE("a frame with a forged source MAC is told as such", "[NET-03]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  Network network(host);
  const Mac forged = {0x52, 0x54, 0x00, 0xbb, 0xbb, 0xbb};
  network.taps.send(kGlobexTap, ipv4_frame(kBroadcast, forged, kGlobexAddress, kAcmeAddress, 10));
  const auto deliveries = only<DeliveryRecord>(host.collect_until_marker());
  REQUIRE(deliveries.size() == 2);  // acme's two ports
  CHECK_FALSE(deliveries.front().source_mac_is_ports);
  CHECK(deliveries.front().frame.source_mac() == bytes_of(forged));
}

TEST_CASE("the two addresses of an ARP request and of an IPv6 packet are told each as what it is") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  Network network(host);
  network.teach(host);
  network.taps.send(kGlobexTap, arp_request(TapNetwork::mac(kGlobexTap), kGlobexAddress, kAcmeAddress));
  REQUIRE(network.taps.receive(kAcmeTap, TapNetwork::mac(kGlobexTap), 5000));
  const auto asked = only<DeliveryRecord>(host.collect_until_marker());
  REQUIRE(asked.size() == 2);  // acme's two ports
  CHECK(asked.front().frame.ethertype() == 0x0806);
  CHECK(asked.front().frame.source_address() == bytes_of(kGlobexAddress));
  CHECK(asked.front().frame.destination_address() == bytes_of(kAcmeAddress));
  CHECK(asked.front().frame.ip_protocol() == 0);

  std::array<std::uint8_t, 16> from = {0xfd, 1}, to = {0xfd, 2};
  network.taps.send(kGlobexTap, ipv6_frame(TapNetwork::mac(kAcmeTap), TapNetwork::mac(kGlobexTap), from, to, 8));
  REQUIRE(network.taps.receive(kAcmeTap, TapNetwork::mac(kGlobexTap), 5000));
  const auto sent = only<DeliveryRecord>(host.collect_until_marker());
  REQUIRE(sent.size() == 1);
  CHECK(sent.front().frame.ethertype() == 0x86dd);
  CHECK(sent.front().frame.source_address() == bytes_of(from));
  CHECK(sent.front().frame.destination_address() == bytes_of(to));
  CHECK(sent.front().frame.ip_protocol() == 59);
}

// The buffer is the same all the way, and so would be one that was freed and used again: only the sender in the header
// says that what leaves is not what came in.
TEST_CASE("what leaves in the buffer of a frame that came in, but from another sender, is not told as that frame",
          "[NET-03][twin]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  Network network(host);
  network.teach(host);
  const Mac router = network.taps.route(kAcmeAddress, TapNetwork::mac(kAcmeTap));
  host.collect_until_marker();
  const auto before = host.counters_of(v1::PROBE_NETWORK_DELIVERY);
  network.taps.send(kGlobexTap, ipv4_frame(router, TapNetwork::mac(kGlobexTap), kGlobexAddress, kAcmeAddress, 66));
  // The router has things of its own to say, too.
  std::optional<std::vector<std::uint8_t>> routed;
  constexpr std::size_t kDestinationAddress = 30;
  do {
    routed = network.taps.receive(kAcmeTap, router, 5000);
    REQUIRE(routed);
  } while (!std::equal(kAcmeAddress.begin(), kAcmeAddress.end(), routed->begin() + kDestinationAddress));
  CHECK(only<DeliveryRecord>(host.collect_until_marker()).empty());
  CHECK(host.counters_of(v1::PROBE_NETWORK_DELIVERY).seen() == before.seen());
}

TEST_CASE("frames of a flow already told are counted into a later record", "[NET-03]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  Network network(host);
  network.teach(host);
  const auto frame =
      ipv4_frame(TapNetwork::mac(kAcmeTap), TapNetwork::mac(kGlobexTap), kGlobexAddress, kAcmeAddress, 66);
  constexpr std::uint64_t kBurst = 50;
  for (std::uint64_t i = 0; i < kBurst; ++i) network.taps.send(kGlobexTap, frame);
  auto told = only<DeliveryRecord>(host.collect_until_marker());
  REQUIRE_FALSE(told.empty());

  // Until the flow's report is due again, a frame a time.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  std::uint64_t sent = kBurst;
  const std::size_t first_reports = told.size();
  while (told.size() == first_reports && std::chrono::steady_clock::now() < deadline) {
    network.taps.send(kGlobexTap, frame);
    ++sent;
    for (const auto& record : only<DeliveryRecord>(host.collect_until_marker())) told.push_back(record);
  }
  REQUIRE(told.size() == first_reports + 1);
  std::uint64_t frames = 0, bytes = 0;
  for (const DeliveryRecord& record : told) {
    frames += record.frame.frames();
    bytes += record.frame.bytes();
  }
  CHECK(frames == sent);
  CHECK(bytes == sent * frame.size());
  const auto counters = host.counters_of(v1::PROBE_NETWORK_DELIVERY);
  CHECK(counters.seen() == counters.suppressed() + counters.coalesced() + counters.emitted() + counters.lost());
  CHECK(counters.coalesced() == sent - told.size());
}

TEST_CASE("a frame to a port of no tenant is silent", "[NET-03][twin]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  Network network(host);
  network.teach(host);
  host.maps().remove_port(network.taps.key(kAcmeTap));
  network.taps.send(kGlobexTap, ipv4_frame(TapNetwork::mac(kAcmeTap), TapNetwork::mac(kGlobexTap), {}, {}, 10));
  REQUIRE(network.taps.receive(kAcmeTap, TapNetwork::mac(kGlobexTap), 5000));
  CHECK(only<DeliveryRecord>(host.collect_until_marker()).empty());
}

}  // namespace
}  // namespace bulkhead::test
