// VMM-02 and VMM-04: what a VMM opens and connects to, and whether its domain declares it.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstddef>
#include <cstring>
#include <filesystem>

#include "tests/kernel/kernel_host.h"
#include "tests/support/skip.h"
#include "tests/support/stage/file_descriptor.h"

namespace bulkhead::test {
namespace {

using decode::EndpointRecord;
using decode::FileOpenRecord;
using probes::DeclaredAccess;

const std::vector<v1::Probe> kWatched = {v1::PROBE_DISK_IO_URING_OPEN, v1::PROBE_CONTROL_ENDPOINT};

constexpr DeclaredAccess kRead = {.read = true};
constexpr DeclaredAccess kReadWrite = {.read = true, .write = true};
constexpr DeclaredAccess kReadBelow = {.read = true, .below = true};

void declare(KernelHost& host, const std::string& path, std::uint32_t domain, DeclaredAccess access) {
  const auto file = host.maps().declared_file(path);
  REQUIRE(file.ok());
  REQUIRE(host.maps().set_declared(file->key, domain, access).ok());
}

// A subject that is a VMM of kAcme, whose declared set is known, does what it is to do.
void act_as_vmm(KernelHost& host, std::vector<std::string> words, bool confined = true) {
  words.insert(words.begin() + 1, "--wait");
  stage::ChildProcess vmm = start_subject(std::move(words));
  REQUIRE(vmm.read_line(kPatience).ok());
  const auto key = host.maps().process(static_cast<std::uint32_t>(vmm.pid()));
  REQUIRE(key.ok());
  REQUIRE(host.maps().set_vmm(*key, kAcme, false, confined).ok());
  REQUIRE(vmm.write_line("go").ok());
  const auto status = vmm.wait(kPatience);
  REQUIRE(status.ok());
  CHECK(*status == 0);
}

std::vector<FileOpenRecord> opens_of_vmm(KernelHost& host, std::vector<std::string> words, bool confined = true) {
  act_as_vmm(host, std::move(words), confined);
  return only<FileOpenRecord>(host.collect_until_marker());
}

// How many records the open of `path` by that method makes.
std::size_t told(KernelHost& host, const std::string& path, const std::string& flag = "--read=0") {
  return opens_of_vmm(host, {"file_opener", flag, "openat", path}).size();
}

void check_identity(KernelHost& host, v1::Probe probe) {
  const v1::ProbeCounters counters = host.counters_of(probe);
  CHECK(counters.seen() == counters.suppressed() + counters.coalesced() + counters.emitted() + counters.lost());
  CHECK(counters.lost() == 0);
}

TEST_CASE("a file of the host that a VMM opens is told, by each way to open it", "[VMM-02]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const TemporaryDirectory directory;
  const std::string path = directory.file("secret");
  const std::string method = GENERATE("open", "creat", "openat", "openat2", "by-handle", "o-path-reopen", "io_uring");
  CAPTURE(method);
  // The subject opens it to name the mount for a handle.
  declare(host, directory.path(), kAcme.domain, kRead);
  const auto opens = method == "io_uring" ? opens_of_vmm(host, {"io_uring_opener", path})
                                          : opens_of_vmm(host, {"file_opener", method, path});
  REQUIRE(opens.size() == 1);
  const FileOpenRecord& told = opens.front();
  CHECK(told.is_host_file);
  CHECK_FALSE(told.is_host_memory);
  CHECK(told.path == path);
  CHECK(told.file.inode == host.maps().file_key(path)->inode);
  CHECK(told.header.actor.tenant == kAcme.tenant);
  CHECK(told.header.actor.domain == kAcme.domain);
  CHECK(told.header.object.tenant == probes::kHostNumber);
  CHECK_FALSE(told.header.trusted);
  check_identity(host, v1::PROBE_DISK_FILE_OPEN);
}

TEST_CASE("a file that its domain or every domain declares is not told, another domain's is", "[VMM-02][twin]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const TemporaryDirectory directory;
  const std::string path = directory.file("kernel");
  const std::uint32_t domain =
      GENERATE(std::uint32_t{kAcme.domain}, probes::kEveryDomain, std::uint32_t{kGlobex.domain});
  declare(host, path, domain, kRead);
  CHECK(told(host, path) == (domain == kGlobex.domain ? 1 : 0));
  // For reading alone.
  CHECK(told(host, path, "--write") == 1);
  declare(host, path, domain, kReadWrite);
  CHECK(told(host, path, "--write") == (domain == kGlobex.domain ? 1 : 0));
  check_identity(host, v1::PROBE_DISK_FILE_OPEN);
}

TEST_CASE("what is below a declared directory is declared for that, and not by another name", "[VMM-02]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const TemporaryDirectory directory;
  const std::string share = directory.path() + "/share";
  std::filesystem::create_directories(share + "/deep/er");
  const std::string inside = directory.file("share/deep/er/rom");
  const std::string outside = directory.file("secret");
  CHECK(told(host, inside) == 1);
  declare(host, share, kAcme.domain, kReadBelow);
  CHECK(told(host, inside) == 0);
  CHECK(told(host, share) == 0);
  CHECK(told(host, inside, "--write") == 1);
  CHECK(told(host, outside) == 1);
  // A link does not bring a file in.
  CHECK(opens_of_vmm(host, {"file_opener", "symlink", outside, share + "/innocent"}).size() == 1);
  CHECK(opens_of_vmm(host, {"file_opener", "hard-link", outside, share + "/innocent"}).size() == 1);
  std::filesystem::rename(inside, directory.path() + "/moved");
  CHECK(told(host, directory.path() + "/moved") == 1);
  // The nearest declared directory decides.
  const std::string log = directory.file("share/deep/log");
  declare(host, share + "/deep", kAcme.domain, {.write = true, .below = true});
  CHECK(told(host, log) == 1);
  CHECK(told(host, log, "--flags=1") == 0);
}

TEST_CASE("a library of every VMM's that has a second name is declared by either, for reading", "[VMM-02][twin]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const TemporaryDirectory directory;
  std::filesystem::create_directory(directory.path() + "/lib");
  const std::string library = directory.file("lib/libgcc.so");
  std::filesystem::create_hard_link(library, directory.path() + "/cached");
  declare(host, directory.path() + "/lib", probes::kEveryDomain, kReadBelow);
  CHECK(told(host, library) == 0);
  CHECK(told(host, directory.path() + "/cached") == 1);
}

TEST_CASE("a VMM's own files in procfs and what is read of sysfs are not told, another process's are", "[VMM-02]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  CHECK(told(host, "/proc/self/status") == 0);
  CHECK(told(host, "/proc/self/oom_score_adj", "--write") == 0);
  CHECK(told(host, "/proc/meminfo") == 0);
  CHECK(told(host, "/sys/devices/system/node") == 0);
  CHECK(told(host, "/proc/1/cmdline") == 0);
  const auto opens = opens_of_vmm(host, {"file_opener", "openat", "/proc/1/status"});
  REQUIRE(opens.size() == 1);
  CHECK(opens.front().path == "/proc/1/status");
  // The memory of a process that is no VMM's.
  const Victim victim = start_victim();
  CHECK(told(host, "/proc/" + std::to_string(victim.process.pid()) + "/mem") == 1);
  CHECK(told(host, "/proc/sys/kernel/core_pattern", "--flags=1") == 1);
}

TEST_CASE("devices are declared by their number, whatever node leads there", "[VMM-02]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const TemporaryDirectory directory;
  const std::string node = directory.path() + "/other-name";
  if (mknod(node.c_str(), S_IFCHR | 0600, makedev(1, 3)) != 0) BULKHEAD_SKIP("device nodes cannot be made here");
  const int node_opens = open(node.c_str(), O_RDONLY | O_CLOEXEC);
  if (node_opens < 0) BULKHEAD_SKIP("the temporary directory's mount allows no devices");
  close(node_opens);
  CHECK(told(host, "/dev/null") == 1);
  declare(host, "/dev/null", probes::kEveryDomain, kReadWrite);
  CHECK(told(host, "/dev/null", "--write") == 0);
  CHECK(told(host, node, "--write") == 0);
  CHECK(told(host, "/dev/zero") == 1);
}

TEST_CASE("another process opens undeclared files untold, and so does a VMM whose set is not known", "[VMM-02][twin]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const TemporaryDirectory directory;
  const std::string path = directory.file("secret");
  REQUIRE(run_subject({"file_opener", "openat", path}) == 0);
  CHECK(opens_of_vmm(host, {"file_opener", "openat", path}, false).empty());
  CHECK(host.counters_of(v1::PROBE_DISK_FILE_OPEN).seen() == 1);  // the marker alone
}

TEST_CASE("looking a file up without opening it is not told", "[VMM-02][twin]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  CHECK(told(host, "/etc/hostname", "--flags=" + std::to_string(O_PATH)) == 0);
}

// ---- VMM-04 ----

// Listens on a path, or on a name of the abstract namespace that begins with "@".
stage::FileDescriptor listen_at(const std::string& where, int type = SOCK_STREAM) {
  stage::FileDescriptor listener(socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, where.data(), where.size());
  const bool is_abstract = where[0] == '@';
  if (is_abstract) address.sun_path[0] = '\0';
  const std::size_t size = is_abstract ? offsetof(sockaddr_un, sun_path) + where.size() : sizeof address;
  REQUIRE(bind(listener.get(), reinterpret_cast<sockaddr*>(&address), static_cast<socklen_t>(size)) == 0);
  if (type == SOCK_STREAM) REQUIRE(listen(listener.get(), 8) == 0);
  return listener;
}

std::vector<EndpointRecord> connections_of_vmm(KernelHost& host, const std::string& where,
                                               const std::string& flag = "--wait") {
  act_as_vmm(host, {"connector", flag, where});
  return only<EndpointRecord>(host.collect_until_marker());
}

TEST_CASE("a VMM's connection to a socket of the host is told with its path or name", "[VMM-04]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const TemporaryDirectory directory;
  const std::string where = GENERATE(true, false) ? directory.path() + "/libvirt-sock" : "@bulkhead-test/control";
  const bool datagram = GENERATE(false, true);
  CAPTURE(where, datagram);
  const auto listener = listen_at(where, datagram ? SOCK_DGRAM : SOCK_STREAM);
  const auto connections = connections_of_vmm(host, where, datagram ? "--datagram" : "--wait");
  REQUIRE(connections.size() == 1);
  const EndpointRecord& told = connections.front();
  CHECK(told.access.kind() == v1::ENDPOINT_KIND_HOST_SOCKET);
  CHECK(told.access.method() == v1::ENDPOINT_METHOD_CONNECT);
  CHECK(told.access.result() == 0);
  CHECK(told.path == where);
  CHECK(told.header.actor.tenant == kAcme.tenant);
  CHECK(told.header.object.tenant == probes::kHostNumber);
  check_identity(host, v1::PROBE_CONTROL_ENDPOINT);
}

TEST_CASE("a VMM's connection to a declared socket or its own endpoint, and another process's, are not told",
          "[VMM-04][twin]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/vhost-user.sock";
  const auto listener = listen_at(path);
  REQUIRE(run_subject({"connector", path}) == 0);
  CHECK(connections_of_vmm(host, path).size() == 1);
  declare(host, path, kAcme.domain, kReadWrite);
  CHECK(connections_of_vmm(host, path).empty());

  const std::string own = directory.path() + "/monitor.sock";
  const auto monitor = listen_at(own);
  REQUIRE(host.maps().set_endpoint(*host.maps().endpoint_key(own), kAcme, v1::ENDPOINT_KIND_MONITOR).ok());
  CHECK(connections_of_vmm(host, own).empty());
  // Another tenant's monitor is told as what it is.
  REQUIRE(host.maps().set_endpoint(*host.maps().endpoint_key(own), kGlobex, v1::ENDPOINT_KIND_MONITOR).ok());
  const auto connections = connections_of_vmm(host, own);
  REQUIRE(connections.size() == 1);
  CHECK(connections.front().access.kind() == v1::ENDPOINT_KIND_MONITOR);
  CHECK(connections.front().path.empty());
  check_identity(host, v1::PROBE_CONTROL_ENDPOINT);
}

TEST_CASE("a socket that is linked into a declared directory is still the host's", "[VMM-04]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const TemporaryDirectory directory;
  const std::string control = directory.path() + "/libvirt-sock";
  const auto listener = listen_at(control);
  const std::string channels = directory.path() + "/domain-1-acme";
  std::filesystem::create_directory(channels);
  declare(host, channels, kAcme.domain, {.read = true, .write = true, .below = true});
  const auto own = listen_at(channels + "/own.sock");
  CHECK(connections_of_vmm(host, channels + "/own.sock").empty());
  std::filesystem::create_hard_link(control, channels + "/innocent");
  CHECK(connections_of_vmm(host, channels + "/innocent").size() == 1);
  std::filesystem::create_symlink(control, channels + "/symbolic");
  CHECK(connections_of_vmm(host, channels + "/symbolic").size() == 1);
}

}  // namespace
}  // namespace bulkhead::test
