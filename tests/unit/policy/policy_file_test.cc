#include "collector/policy/policy_file.h"

#include <chrono>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "tests/unit/policy/policies.h"
#include "tests/unit/store/fixture.h"

namespace bulkhead::test {

namespace {

constexpr char kWhole[] = R"(version: 2026-11-22
tenants:
  - id: acme
    name: Acme Ltd
    domains:
      - uuid: 3E3FCE45-4F53-4fa7-bb32-11f34168b82b
      - {name: "acme-*", title: "* prod"}
    regions: [north]
  - id: globex
trusted_services:
  - name: libvirt
    executable: /usr/sbin/libvirtd
    uid: 0
    operations: [volume-read, volume-write]
  - name: backup
    executable: /usr/local/sbin/backup
    uid: any
    unit: backup@nightly.service
    operations: [volume-read]
    only_from_trusted_parent: true
    hosts: [alpha]
    tenants: [acme]
shared_networks:
  - {name: storage, bridges: [br-storage], tenants: [acme, globex]}
base_images: [/srv/images/debian-12.qcow2]
peerings:
  - {name: backbone, tenants: [acme, globex]}
management_addresses: [10.0.0.0/24, 10.9.9.9, "fd00::/8"]
regions:
  - {name: north, prefixes: [192.0.2.0/25, "2001:db8::/32"]}
  - {name: south, prefixes: [192.0.2.128/25]}
drained_hosts:
  - {host: beta, until: "2026-12-01T00:00:00Z", why: new disks}
  - {host: gamma, why: retired}
grants: {max_duration: 7d, two_persons: true}
)";

}  // namespace

TEST_CASE("every key of a policy file is in the policy") {
  const auto file = parsed(kWhole);
  REQUIRE(file.text == kWhole);
  const v1::Policy& policy = file.policy;
  CHECK(policy.version() == "2026-11-22");
  CHECK_FALSE(policy.has_valid_from());
  REQUIRE(policy.tenants_size() == 2);
  CHECK(policy.tenants(0).id() == "acme");
  CHECK(policy.tenants(0).name() == "Acme Ltd");
  REQUIRE(policy.tenants(0).domains_size() == 2);
  CHECK(policy.tenants(0).domains(0).uuid() == "3e3fce45-4f53-4fa7-bb32-11f34168b82b");
  CHECK(policy.tenants(0).domains(1).name() == "acme-*");
  CHECK(policy.tenants(0).domains(1).title() == "* prod");
  CHECK(policy.tenants(0).regions(0) == "north");
  REQUIRE(policy.trusted_services_size() == 2);
  CHECK(policy.trusted_services(0).uid() == 0);
  CHECK(policy.trusted_services(0).has_uid());
  CHECK(policy.trusted_services(0).operations(1) == v1::OPERATION_VOLUME_WRITE);
  const v1::TrustedService& backup = policy.trusted_services(1);
  CHECK(backup.name() == "backup");
  CHECK(backup.executable() == "/usr/local/sbin/backup");
  CHECK_FALSE(backup.has_uid());
  CHECK(backup.unit() == "backup@nightly.service");
  REQUIRE(backup.operations_size() == 1);
  CHECK(backup.operations(0) == v1::OPERATION_VOLUME_READ);
  CHECK(backup.only_from_trusted_parent());
  CHECK(backup.hosts(0) == "alpha");
  CHECK(backup.tenants(0) == "acme");
  CHECK(policy.shared_networks(0).bridges(0) == "br-storage");
  CHECK(policy.shared_networks(0).tenants_size() == 2);
  CHECK(policy.base_images(0) == "/srv/images/debian-12.qcow2");
  CHECK(policy.peerings(0).tenants(1) == "globex");
  CHECK(policy.management_addresses(1) == "10.9.9.9/32");
  CHECK(policy.management_addresses(2) == "fd00::/8");
  CHECK(policy.regions(0).prefixes(1) == "2001:db8::/32");
  CHECK(policy.drained_hosts(0).until().seconds() == 1'796'083'200);
  CHECK(policy.drained_hosts(0).why() == "new disks");
  CHECK_FALSE(policy.drained_hosts(1).has_until());
  CHECK(policy.grants().max_duration().seconds() == 7 * 86'400);
  CHECK(policy.grants().two_persons());
}

TEST_CASE("the policy's SHA-256 is that of the file's bytes") {
  CHECK(parsed("version: a\n").policy.sha256() == "5ea5ef3b2c9449e4238d5bdae3509d03792a055a2dd3b2d36d93d8d05a77b3b7");
  CHECK(parsed("version: a\n").policy.sha256() != parsed("version: a \n").policy.sha256());
}

TEST_CASE("what the reader does not understand is refused with its place and the nearest name") {
  CHECK(refusal("") == "p.yaml:1:1: the policy must be a mapping, not nothing");
  CHECK(refusal("[a]") == "p.yaml:1:1: the policy must be a mapping, not a list");
  CHECK(refusal("tenants: []\n") == "p.yaml:1:1: the policy must have the key 'version'");
  CHECK(refusal("version: 1\ntenats: []\n") ==
        "p.yaml:2:1: unknown key 'tenats' in the policy; did you mean 'tenants'?");
  CHECK(refusal("version: 1\nversion: 2\n") == "p.yaml:2:1: the key 'version' is there twice in the policy");
  CHECK(refusal("version: [1]\n") == "p.yaml:1:10: version must be a text, not a list");
  CHECK(refusal("version: ''\n") == "p.yaml:1:10: version must be a text that is not empty, not ''");
  CHECK(refusal("version: 1\ntenants: {id: a}\n") == "p.yaml:2:10: tenants must be a list, not a mapping");
  CHECK(refusal("version: 1\npeerings:\n") == "p.yaml:2:1: peerings must have a value");
  CHECK(refusal("version: 1\ntenants:\n  - acme\n") == "p.yaml:3:5: a tenant must be a mapping, not 'acme'");
  CHECK(refusal("version: 1\ntenants:\n  - name: Acme\n") == "p.yaml:3:5: a tenant must have the key 'id'");
  CHECK(refusal("version: 1\ngrants: {two_persons: 'true'}\n") ==
        "p.yaml:2:23: two_persons must be true or false, not 'true'");
  CHECK(refusal("version: 1\nbase_images: [/a, [b]]\n") == "p.yaml:2:19: base_images must be a text, not a list");
  CHECK(refusal("version: 1\n{a: b}: 2\n") == "p.yaml:2:1: a key must be a word, not a mapping");
  CHECK(refusal("version: 1\n---\nversion: 2\n") == "p.yaml:2:1: a second document: the file must be one document");
  CHECK(refusal("version: 1\ntenants: [\n").starts_with("p.yaml:3:1: "));
}

TEST_CASE("all errors of a file are told, in the order of their places") {
  CHECK(refusal("tenants:\n  - {id: host}\n  - {idd: b}\nbase_images: [x]\n") ==
        "p.yaml:1:1: the policy must have the key 'version'\n"
        "p.yaml:2:10: 'host' is a word of Bulkhead's own and cannot be a tenant's key\n"
        "p.yaml:3:5: a tenant must have the key 'id'\n"
        "p.yaml:3:6: unknown key 'idd' in a tenant; did you mean 'id'?\n"
        "p.yaml:4:15: 'x' is not an absolute path");
}

TEST_CASE("text that is no UTF-8, or too large, is refused") {
  CHECK(refusal("version: 1\nbase_images: [\"/\xff\"]\n") == "p.yaml:2:17: the file must be UTF-8");
  CHECK(refusal("version: 1 # ä\xc3\n") == "p.yaml:1:15: the file must be UTF-8");
  CHECK(refusal("version: 1\n#" + std::string(policy::kMostBytes, 'x')) ==
        "p.yaml:1:1: the policy is larger than 3 MiB");
  CHECK(refusal("version: " + std::string(5000, 'x')) == "p.yaml:1:10: version is longer than 4096 bytes");
}

TEST_CASE("hostile files are refused in bounded time, and messages stay short and harmless") {
  const auto begin = std::chrono::steady_clock::now();
  SECTION("aliases that stand for a million entries") {
    std::string text = "version: 1\ntrusted_services:\n";
    const auto service = [](int i) {
      return absl::StrCat("  - {name: s", i, ", executable: /bin/s", i, ", uid: 0, operations: [volume-read], hosts: ");
    };
    text += service(0) + "&a [";
    for (int i = 0; i < 2000; ++i) absl::StrAppend(&text, "h", i, ",");
    text += "h]}\n";
    for (int i = 1; i < 200; ++i) text += service(i) + "*a}\n";
    const std::string told = refusal(text);
    CHECK(told.find("the lists of this file have more than 200000 entries") != std::string::npos);
  }
  SECTION("deep nesting") {
    CHECK(refusal("version: " + std::string(10'000, '[')).starts_with("p.yaml:1:"));
  }
  SECTION("nothing but unknown names") {
    std::string text = "version: 1\ntenants:\n";
    for (int i = 0; i < 20'000; ++i) absl::StrAppend(&text, "  - {id: some-tenant-", i, "}\n");
    text += "peerings:\n";
    for (int i = 0; i < 20'000; ++i) absl::StrAppend(&text, "  - {name: p", i, ", tenants: [some-tenent-", i, "]}\n");
    const std::string told = refusal(text);
    CHECK(std::count(told.begin(), told.end(), '\n') == 100);
    CHECK(told.ends_with("p.yaml: and 39900 more errors"));
  }
  SECTION("values that act on a terminal") {
    const std::string told = refusal("version: \"a\\e[2J\"\ntenants: [{id: a, domains: [{uuid: \"\\e[2J\\n\"}]}]\n");
    CHECK(told.find_first_of("\x1b\a") == std::string::npos);
    CHECK(std::count(told.begin(), told.end(), '\n') == 1);
  }
  SECTION("a name that acts on a terminal") {
    const std::string told = refusal("version: 1\n\"a\\e]0;x\\a\\nb" + std::string(500, 'y') + "\": 1\n");
    CHECK(told.find_first_of("\x1b\a\n") == std::string::npos);
    CHECK(told.size() < 300);
  }
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(20));
}

TEST_CASE("ten thousand tenants with their domains are one policy") {
  std::string text = "version: 1\ntenants:\n";
  for (int i = 0; i < 10'000; ++i) {
    absl::StrAppend(&text, "  - {id: tenant-", i, ", domains: [{name: \"t", i, "-*\"}, {title: \"tenant ", i,
                    ": *\"}]}\n");
  }
  const auto file = parsed(text);
  CHECK(file.policy.tenants_size() == 10'000);
}

TEST_CASE("a file that cannot be read is named with the cause") {
  const TempDir dir;
  const std::string path = dir.path() / "policy.yaml";
  const auto message = [](const std::string& of) { return std::string(policy::read_file(of).status().message()); };
  CHECK(message(path) == path + ": cannot be read: No such file or directory");
  CHECK(message(dir.path()) == dir.path().string() + ": is not a regular file");
  CHECK(message("/dev/zero") == "/dev/zero: is not a regular file");
  std::ofstream(path) << "version: 1\nx: 1\n";
  CHECK(message(path).starts_with(path + ":2:1: unknown key 'x'"));
  std::ofstream(path) << "version: 1 # \n";
  const auto file = policy::read_file(path);
  REQUIRE(file.ok());
  CHECK(file->text == "version: 1 # \n");
}

TEST_CASE("agents are sent the domain matches and the trusted services, and nothing that is not theirs") {
  const auto agents = policy::for_agents(parsed(kWhole).policy);
  CHECK(agents.version() == "2026-11-22");
  CHECK(agents.sha256() == parsed(kWhole).policy.sha256());
  REQUIRE(agents.tenants_size() == 1);
  CHECK(agents.tenants(0).id() == "acme");
  CHECK(agents.tenants(0).domains_size() == 2);
  CHECK(agents.tenants(0).name().empty());
  CHECK(agents.tenants(0).regions().empty());
  CHECK(agents.trusted_services_size() == 2);
  REQUIRE(agents.base_images_size() == 1);
  CHECK(agents.base_images(0) == "/srv/images/debian-12.qcow2");
}

}  // namespace bulkhead::test
