// DISK-05 and DISK-06: what the headers of real images name, whose that is, and who opens it.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "agent/inventory/chain_reader.h"
#include "tests/kernel/attribution_host.h"
#include "tests/support/skip.h"

namespace bulkhead::test {
namespace {

using namespace std::chrono_literals;

// A directory of each tenant's, and the host's, with real images.
class Images {
 public:
  std::string file(const std::string& directory, const std::string& name) const {
    std::filesystem::create_directories(directory_.path() + "/" + directory);
    return directory_.path() + "/" + directory + "/" + name;
  }
  std::string make(const std::string& directory, const std::string& name, const std::string& options = "") const {
    std::string path = file(directory, name);
    const std::string command = absl::StrCat("qemu-img create -q -f qcow2 ", options, " ", path, " 1M");
    INFO(command);
    REQUIRE(std::system(command.c_str()) == 0);
    return path;
  }
  // -u: the file that is named is not opened, as by who makes such an image elsewhere.
  std::string make_on(const std::string& directory, const std::string& name, const std::string& backing,
                      const std::string& format = "qcow2") const {
    return make(directory, name, absl::StrCat("-u -b '", backing, "' -F ", format));
  }

 private:
  TemporaryDirectory directory_;
};

inventory::Volume image(const std::string& path) {
  inventory::Volume one = volume(path);
  one.format = "qcow2";
  return one;
}

struct Host : AttributionHost {
  // What this process reads meanwhile is the agent's.
  inventory::Snapshot with_chains(inventory::Snapshot snapshot) {
    const auto self = kernel.maps().process(static_cast<std::uint32_t>(getpid()));
    REQUIRE((self.ok() && kernel.maps().set_agent(*self).ok()));
    inventory::Snapshot asked = snapshot;
    chains.fill(asked);
    REQUIRE(chains.wait(10s));
    chains.fill(snapshot);
    REQUIRE(chains.wait(10s));
    REQUIRE(kernel.maps().set_agent({}).ok());
    return snapshot;
  }
  ownership::Applied apply(std::vector<inventory::Domain> domains) {
    return ownership->apply(with_chains(snapshot_of(std::move(domains))));
  }

  inventory::ChainReader chains{{}, [] {}};
};

// What is told when the domain's VMM opens the file in that mode.
std::vector<v1::Event> opened_by(Host& host, const inventory::Domain& domain, const std::string& path,
                                 const std::string& mode) {
  stage::ChildProcess opener = start_subject({"file_opener", mode, "--wait", "openat", path});
  REQUIRE(opener.read_line(kPatience).ok());
  const auto vmm = host.kernel.maps().process(static_cast<std::uint32_t>(opener.pid()));
  REQUIRE((vmm.ok() && host.kernel.maps().set_vmm(*vmm, host.ownership->domain(domain.uuid), false).ok()));
  REQUIRE(opener.write_line("go").ok());
  REQUIRE(*opener.wait(kPatience) == 0);
  return host.events();
}

TEST_CASE("an image whose backing file is another tenant's volume is told before anybody opens it, and once",
          "[DISK-06]") {
  BULKHEAD_NEEDS_PROBES();
  Host host;
  const Images images;
  inventory::Domain acme = domain("acme-1", "acme"), globex = domain("globex-1", "globex");
  acme.volumes = {image(images.make("acme", "disk.qcow2"))};
  globex.volumes = {image(images.make_on("globex", "disk.qcow2", acme.volumes[0].source))};
  const auto applied = host.apply({acme, globex});
  REQUIRE(applied.foreign_claims.size() == 1);
  const ownership::ForeignClaim& claim = applied.foreign_claims.front();
  CHECK(claim.kind == v1::OBJECT_KIND_VOLUME);
  CHECK(claim.claim.tenant == "globex");
  CHECK(claim.claim.source == acme.volumes[0].source);
  CHECK(claim.claim.read_only);
  CHECK(claim.image == globex.volumes[0].source);
  CHECK(host.ownership->registry().tenant(claim.owner.tenant) == "acme");
  CHECK(host.apply({acme, globex}).foreign_claims.empty());
  const auto& told = applied.inventory.domains(1).volumes(0);
  CHECK(told.format() == "qcow2");
  REQUIRE(told.chain_size() == 1);
  CHECK(told.chain(0).role() == "backing file");
  CHECK(told.chain(0).format() == "qcow2");

  CHECK(host.apply({acme}).foreign_claims.empty());
  CHECK(host.apply({acme, globex}).foreign_claims.size() == 1);
}

TEST_CASE("an image whose backing file or data file is the host's is told, and the file is not taken for a volume",
          "[DISK-06]") {
  BULKHEAD_NEEDS_PROBES();
  Host host;
  const Images images;
  const std::string secret = images.file("host", "secret");
  inventory::Domain globex = domain("globex-1", "globex");
  globex.volumes = {
      image(images.make("globex", "a.qcow2", absl::StrCat("-o data_file=", secret))),
      image(images.make_on("globex", "b.qcow2", "/etc/shadow", "raw")),
      image(images.make_on("globex", "c.qcow2", "../host/missing", "raw")),
      image(images.make_on("globex", "d.qcow2", "/dev/null", "raw")),
      image(images.make_on("globex", "e.qcow2", "nbd://127.0.0.1:1/x", "raw")),
      image(images.make_on("globex", "f.qcow2",
                           R"(json:{"driver":"raw","file":{"driver":"file","filename":"/etc/group"}})", "raw"))};
  const auto applied = host.apply({globex});
  std::map<std::string, const ownership::ForeignClaim*> claims;
  for (const auto& one : applied.foreign_claims) {
    CHECK(one.kind == v1::OBJECT_KIND_HOST_FILE);
    CHECK(one.owner == probes::Owner{});
    claims.emplace(one.claim.source, &one);
  }
  REQUIRE(claims.size() == 6);
  REQUIRE(claims.contains(secret));
  CHECK_FALSE(claims.at(secret)->claim.read_only);
  REQUIRE(claims.contains("/etc/shadow"));
  CHECK(claims.at("/etc/shadow")->claim.read_only);
  CHECK(claims.at("/etc/shadow")->image == globex.volumes[1].source);
  CHECK(claims.contains("/dev/null"));
  CHECK(claims.contains("nbd://127.0.0.1:1/x"));
  CHECK(claims.contains("/etc/group"));
  CHECK_FALSE(applied.inventory.domains(0).volumes(1).chain(0).watched());
  REQUIRE(run_subject({"file_opener", "openat", secret}) == 0);
  CHECK(host.events().empty());
}

TEST_CASE("a chain within the tenant's own images is silent, and all of it is the tenant's", "[DISK-06][twin]") {
  BULKHEAD_NEEDS_PROBES();
  Host host;
  const Images images;
  const std::string base = images.make("acme", "base.qcow2");
  const std::string middle = images.make_on("acme", "middle.qcow2", "base.qcow2");
  inventory::Domain acme = domain("acme-1", "acme");
  acme.volumes = {image(images.make_on("acme", "disk.qcow2", middle))};
  const auto applied = host.apply({acme});
  CHECK(applied.foreign_claims.empty());
  REQUIRE(applied.inventory.domains(0).volumes(0).chain_size() == 2);
  CHECK(applied.inventory.domains(0).volumes(0).chain(1).watched());
  REQUIRE(run_subject({"file_opener", "openat", base}) == 0);
  const auto events = host.events();
  REQUIRE(events.size() == 1);
  CHECK(events.front().object().tenant() == "acme");
  CHECK(events.front().object().domain_name() == "acme-1");
}

TEST_CASE("what lies below a tenant's snapshot stays the tenant's, also for an agent that starts anew", "[DISK-06]") {
  BULKHEAD_NEEDS_PROBES();
  Host host;
  const Images images;
  inventory::Domain acme = domain("acme-1", "acme"), globex = domain("globex-1", "globex");
  const std::string disk = images.make("acme", "disk.qcow2");
  acme.volumes = {image(disk)};
  host.apply({acme});
  acme.volumes = {image(images.make_on("acme", "disk.snap1", disk))};
  host.apply({acme});
  host.ownership = *ownership::Ownership::create(host.kernel.maps(), host.state.path(), {});
  globex.volumes = {image(images.make_on("globex", "disk.qcow2", disk))};
  const auto applied = host.apply({acme, globex});
  REQUIRE(applied.foreign_claims.size() == 1);
  CHECK(applied.foreign_claims.front().claim.tenant == "globex");
  CHECK(applied.foreign_claims.front().claim.source == disk);
}

TEST_CASE("a base image is read in silence by two tenants and by the host, and written by nobody", "[DISK-05]") {
  BULKHEAD_NEEDS_PROBES();
  Host host;
  const Images images;
  const bool declared = GENERATE(true, false);
  INFO("declared by policy: " << declared);
  inventory::Domain acme = domain("acme-1", "acme"), globex = domain("globex-1", "globex");
  // What no policy declares is known by being below the images of several.
  const std::string base = images.make(declared ? "bases" : "shared", "debian.qcow2");
  acme.volumes = {image(images.make_on(declared ? "acme" : "shared", "acme.qcow2", base))};
  globex.volumes = {image(images.make_on(declared ? "globex" : "shared", "globex.qcow2", base))};
  if (declared) host.ownership->set_base_images({base});
  const auto applied = host.apply({acme, globex});
  CHECK(applied.foreign_claims.empty());
  CHECK(applied.inventory.domains(0).volumes(0).chain(0).watched());
  CHECK(opened_by(host, acme, base, "--read=4096").empty());
  CHECK(opened_by(host, globex, base, "--read=4096").empty());
  REQUIRE(run_subject({"file_opener", "openat", base}) == 0);
  CHECK(host.events().empty());

  const auto by_tenant = opened_by(host, globex, base, "--flags=2");
  REQUIRE(by_tenant.size() == 1);
  CHECK(by_tenant.front().actor().tenant() == "globex");
  CHECK(by_tenant.front().object().tenant() == "host");
  CHECK(by_tenant.front().object().kind() == v1::OBJECT_KIND_VOLUME);
  CHECK(by_tenant.front().object().id() == base);
  REQUIRE(run_subject({"file_opener", "--flags=2", "openat", base}) == 0);
  const auto by_host = host.events();
  REQUIRE(by_host.size() == 1);
  CHECK(by_host.front().object().tenant() == "host");
}

TEST_CASE("a chain onto a declared base image, or a directory of them, is silent", "[DISK-06][twin]") {
  BULKHEAD_NEEDS_PROBES();
  Host host;
  const Images images;
  const std::string base = images.make("bases", "debian.qcow2");
  inventory::Domain acme = domain("acme-1", "acme");
  acme.volumes = {image(images.make_on("acme", "disk.qcow2", base))};
  CHECK(host.apply({acme}).foreign_claims.size() == 1);
  host.ownership->set_base_images({std::filesystem::path(base).parent_path().string() + "/"});
  CHECK(host.apply({acme}).foreign_claims.empty());
  // A name in the directory that leads out of it is none of them.
  acme.volumes.push_back(image(images.make_on(
      "acme", "x.qcow2", std::filesystem::path(base).parent_path().string() + "/../../../../../../../../etc/passwd",
      "raw")));
  CHECK(host.apply({acme}).foreign_claims.size() == 1);
}

TEST_CASE("a definition or data file that could write a base image is told", "[DISK-05]") {
  BULKHEAD_NEEDS_PROBES();
  Host host;
  const Images images;
  const std::string base = images.make("bases", "debian.qcow2");
  host.ownership->set_base_images({base});
  inventory::Domain acme = domain("acme-1", "acme");
  acme.volumes = {image(base)};
  auto claims = host.apply({acme}).foreign_claims;
  REQUIRE(claims.size() == 1);
  CHECK(claims.front().image.empty());
  CHECK(claims.front().owner == probes::Owner{});
  acme.volumes = {volume(base, true)};
  CHECK(host.apply({acme}).foreign_claims.empty());
}

TEST_CASE("two tenants that name one network disk are told, and one tenant twice is not", "[CTRL-05]") {
  BULKHEAD_NEEDS_PROBES();
  Host host;
  inventory::Domain acme = domain("acme-1", "acme"), again = domain("acme-2", "acme"),
                    thief = domain("globex", "globex");
  inventory::Volume disk = volume("rbd:pool/web");
  disk.type = "network";
  disk.identity = "rbd:pool/web";
  acme.volumes = again.volumes = thief.volumes = {disk};
  const auto own = host.apply({acme, again});
  CHECK(own.foreign_claims.empty());
  CHECK(own.inventory.domains(0).volumes(0).identity() == "rbd:pool/web");
  CHECK_THAT(own.inventory.domains(0).volumes(0).reason(), Catch::Contains("network disk"));
  const auto applied = host.apply({acme, again, thief});
  REQUIRE(applied.foreign_claims.size() == 1);
  CHECK(applied.foreign_claims.front().claim.tenant == "globex");
  CHECK(applied.foreign_claims.front().claim.source == "rbd:pool/web");
}

TEST_CASE("what the agent reads of a header is silent, and what another process reads is told", "[DISK-06][twin]") {
  BULKHEAD_NEEDS_PROBES();
  Host host;
  const Images images;
  inventory::Domain acme = domain("acme-1", "acme");
  acme.volumes = {image(images.make("acme", "disk.qcow2"))};
  host.apply({acme});
  // Changed, so that it is read again although it is a volume by now.
  REQUIRE(utimensat(AT_FDCWD, acme.volumes[0].source.c_str(), nullptr, 0) == 0);
  const auto before = host.kernel.counters_of(v1::PROBE_DISK_FILE_OPEN).suppressed();
  host.apply({acme});
  CHECK(host.events().empty());
  CHECK(host.kernel.counters_of(v1::PROBE_DISK_FILE_OPEN).suppressed() > before);
  REQUIRE(run_subject({"file_opener", "openat", acme.volumes[0].source}) == 0);
  CHECK(host.events().size() == 1);
}

TEST_CASE("chains that loop, that are too long or lead to a pipe come to an end", "[DISK-06]") {
  const Images images;
  inventory::HeaderCache cache;
  const std::string first = images.make_on("acme", "first.qcow2", "second.qcow2");
  images.make_on("acme", "second.qcow2", "first.qcow2");
  const auto loop = inventory::follow_chain(first, "qcow2", cache);
  REQUIRE(loop.images.size() == 1);

  const std::string link = images.file("acme", "link.qcow2");
  std::filesystem::create_symlink(first, link);
  images.make_on("acme", "second.qcow2", "link.qcow2");
  const auto linked = inventory::follow_chain(first, "qcow2", cache);
  REQUIRE(linked.images.size() == 2);
  CHECK(linked.images[1].problem == "the chain was there before");

  const std::string one = images.make_on("long", "0", "1");
  std::ostringstream read;
  read << std::ifstream(one, std::ios::binary).rdbuf();
  std::string bytes = read.str();
  // Offset of the name, and below its length, as numbers of qcow2's header.
  const std::size_t name = static_cast<unsigned char>(bytes[14]) * 256u + static_cast<unsigned char>(bytes[15]);
  REQUIRE(bytes[name] == '1');
  for (int i = 1; i < 400; ++i) {
    const std::string number = absl::StrCat(i + 1);
    bytes.replace(name, number.size(), number);
    bytes[19] = static_cast<char>(number.size());
    std::ofstream(images.file("long", absl::StrCat(i)), std::ios::binary) << bytes;
  }
  const auto endless = inventory::follow_chain(one, "qcow2", cache);
  CHECK(endless.images.size() == inventory::kMaxChain);
  CHECK_THAT(endless.problem, Catch::Contains("more than 200"));

  const std::string pipe = images.file("acme", "pipe");
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  const auto piped = inventory::follow_chain(images.make_on("acme", "p.qcow2", pipe), "qcow2", cache);
  REQUIRE(piped.images.size() == 1);
  CHECK(piped.images[0].problem == "neither a file nor a block device");
}

TEST_CASE("an image on storage that does not answer holds up no other", "[DISK-06]") {
  BULKHEAD_NEEDS_PROBES();
  const Images images;
  const std::string directory = images.file("dead", "");
  // A file system whose server never says a word.
  const int server = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  const std::string options = absl::StrCat("fd=", server, ",rootmode=40000,user_id=0,group_id=0");
  if (server < 0 || mount("silent", directory.c_str(), "fuse", MS_NOSUID | MS_NODEV, options.c_str()) != 0) {
    BULKHEAD_SKIP("no FUSE here");
  }
  const absl::Cleanup unmount = [&] {
    umount2(directory.c_str(), MNT_DETACH);
    close(server);
  };
  inventory::Domain acme = domain("acme-1", "acme");
  acme.volumes = {image(directory + "dead.qcow2"), image(images.make_on("live", "disk.qcow2", "base.qcow2"))};
  inventory::ChainReader chains({.interval = 100ms, .patience = 300ms}, [] {});
  inventory::Snapshot snapshot = snapshot_of({acme}), asked = snapshot;
  chains.fill(asked);
  REQUIRE(chains.wait(5s));
  chains.fill(snapshot);
  REQUIRE(snapshot.domains[0].volumes[0].chain.size() == 1);
  CHECK(snapshot.domains[0].volumes[0].chain[0].problem == "its storage does not answer");
  REQUIRE(snapshot.domains[0].volumes[1].chain.size() == 1);
  CHECK(snapshot.domains[0].volumes[1].chain[0].source ==
        std::filesystem::path(acme.volumes[1].source).parent_path().string() + "/base.qcow2");
}

}  // namespace
}  // namespace bulkhead::test
