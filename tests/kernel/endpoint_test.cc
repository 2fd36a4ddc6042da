// CTRL-02 and CTRL-03: connections to sockets, and opened ptys, that are a domain's.
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstring>

#include "tests/kernel/kernel_host.h"
#include "tests/support/skip.h"
#include "tests/support/stage/file_descriptor.h"

namespace bulkhead::test {
namespace {

using decode::EndpointRecord;

const std::vector<v1::Probe> kWatched = {v1::PROBE_CONTROL_ENDPOINT};

stage::FileDescriptor listen_at(const std::string& path) {
  stage::FileDescriptor listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, path.c_str());
  REQUIRE(bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(listen(listener.get(), 8) == 0);
  return listener;
}

// On the loopback, at a port that the kernel picks.
stage::FileDescriptor listen_at_loopback(std::uint16_t& port) {
  stage::FileDescriptor listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  REQUIRE(bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(listen(listener.get(), 8) == 0);
  REQUIRE(getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
  port = ntohs(address.sin_port);
  return listener;
}

std::uint32_t own_network_namespace() {
  struct stat status{};
  REQUIRE(stat("/proc/self/ns/net", &status) == 0);
  return static_cast<std::uint32_t>(status.st_ino);
}

EndpointRecord one_of(KernelHost& host) {
  const auto records = only<EndpointRecord>(host.collect(at_least<EndpointRecord>(1)));
  REQUIRE(records.size() == 1);
  CHECK(records.front().header.object.tenant == kAcme.tenant);
  CHECK(records.front().header.object.domain == kAcme.domain);
  CHECK(records.front().header.actor.tenant == probes::kHostNumber);
  CHECK_FALSE(records.front().header.trusted);
  return records.front();
}

TEST_CASE("a connection to a domain's socket is told, by whatever name or call it is reached", "[CTRL-02]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/monitor.sock";
  const auto listener = listen_at(path);
  const auto key = host.maps().endpoint_key(path);
  REQUIRE(key.ok());
  REQUIRE(host.maps().set_endpoint(*key, kAcme, v1::ENDPOINT_KIND_MONITOR).ok());
  const std::string link = directory.path() + "/link";
  REQUIRE(::link(path.c_str(), link.c_str()) == 0);
  const bool by_link = GENERATE(false, true);
  const bool by_ring = GENERATE(false, true);
  std::vector<std::string> words = {"connector", by_link ? link : path};
  if (by_ring) words.insert(words.begin() + 1, "--io-uring");

  stage::ChildProcess client = start_subject(words);
  REQUIRE(*client.wait(kPatience) == 0);
  const EndpointRecord record = one_of(host);
  CHECK(record.header.actor_key.tgid == static_cast<std::uint32_t>(client.pid()));
  CHECK(record.access.kind() == v1::ENDPOINT_KIND_MONITOR);
  CHECK(record.access.method() == v1::ENDPOINT_METHOD_CONNECT);
  CHECK(record.access.result() == 0);
  CHECK(record.endpoint.inode == key->inode);
  const v1::ProbeCounters counters = host.counters_of(v1::PROBE_CONTROL_ENDPOINT);
  CHECK(counters.seen() == 1);
  CHECK(counters.emitted() == 1);
}

TEST_CASE("a connection to a socket of nobody's, and one of the domain's own VMM, are not told",
          "[CTRL-02][CTRL-03][twin]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const TemporaryDirectory directory;
  const auto owned = listen_at(directory.path() + "/owned");
  const auto other = listen_at(directory.path() + "/other");
  REQUIRE(host.maps()
              .set_endpoint(*host.maps().endpoint_key(directory.path() + "/owned"), kAcme, v1::ENDPOINT_KIND_CONSOLE)
              .ok());
  CHECK(run_subject({"connector", directory.path() + "/other"}) == 0);

  stage::ChildProcess vmm = start_subject({"connector", "--wait", directory.path() + "/owned"});
  REQUIRE(vmm.read_line(kPatience).ok());
  const auto process = host.maps().process(static_cast<std::uint32_t>(vmm.pid()));
  REQUIRE(host.maps().set_vmm(*process, kAcme, false).ok());
  REQUIRE(vmm.write_line("go").ok());
  REQUIRE(*vmm.wait(kPatience) == 0);

  CHECK(only<EndpointRecord>(host.collect_until_marker()).empty());
  const v1::ProbeCounters counters = host.counters_of(v1::PROBE_CONTROL_ENDPOINT);
  CHECK(counters.seen() == 1);
  CHECK(counters.suppressed() == 1);
}

TEST_CASE("a connection to a domain's port is told where the port is the domain's, and nowhere else", "[CTRL-03]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  std::uint16_t port = 0;
  const auto listener = listen_at_loopback(port);
  probes::EndpointKey key = {.inode = 0, .device = 0, .generation = 0, .network_namespace = 0, .port = port};
  // Another network namespace's port of the same number.
  key.network_namespace = own_network_namespace() + 1;
  REQUIRE(host.maps().set_endpoint(key, kGlobex, v1::ENDPOINT_KIND_DISPLAY).ok());
  CHECK(run_subject({"connector", std::to_string(port)}) == 0);
  CHECK(only<EndpointRecord>(host.collect_until_marker()).empty());

  key.network_namespace = own_network_namespace();
  REQUIRE(host.maps().set_endpoint(key, kAcme, v1::ENDPOINT_KIND_DISPLAY).ok());
  const std::string address = GENERATE("127.0.0.1", "::ffff:127.0.0.1");
  CHECK(run_subject({"connector", "--address=" + address, std::to_string(port)}) == 0);
  const EndpointRecord record = one_of(host);
  CHECK(record.access.kind() == v1::ENDPOINT_KIND_DISPLAY);
  CHECK(record.endpoint.port == port);
  CHECK(record.endpoint.network_namespace == key.network_namespace);
}

TEST_CASE("a domain's pty that is opened is told, and a device that is none cannot be one", "[CTRL-03]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const stage::FileDescriptor terminal(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  REQUIRE(terminal.valid());
  REQUIRE(grantpt(terminal.get()) == 0);
  REQUIRE(unlockpt(terminal.get()) == 0);
  char path[64];
  REQUIRE(ptsname_r(terminal.get(), path, sizeof path) == 0);
  const auto key = host.maps().endpoint_key(path);
  REQUIRE(key.ok());
  REQUIRE(host.maps().set_endpoint(*key, kAcme, v1::ENDPOINT_KIND_CONSOLE).ok());
  CHECK(absl::IsInvalidArgument(host.maps().endpoint_key("/dev/null").status()));

  CHECK(run_subject({"file_opener", "--flags=" + std::to_string(O_NOCTTY), "openat", path}) == 0);
  const EndpointRecord record = one_of(host);
  CHECK(record.access.method() == v1::ENDPOINT_METHOD_OPEN);
  CHECK(record.access.result() >= 0);
  CHECK(record.header.probe == v1::PROBE_DISK_FILE_OPEN);
}

}  // namespace
}  // namespace bulkhead::test
