#include "agent/config/config.h"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace bulkhead::config;
using namespace std::chrono_literals;

namespace {

std::string refusal(const std::string& text) {
  const auto config = parse_config(text, "a.yaml");
  REQUIRE_FALSE(config.ok());
  CHECK(absl::IsInvalidArgument(config.status()));
  const std::string message(config.status().message());
  CHECK(message.find('\n') == std::string::npos);
  return message;
}

Config accept(const std::string& text) {
  const auto config = parse_config(text, "a.yaml");
  INFO(config.status());
  REQUIRE(config.ok());
  return *config;
}

}  // namespace

TEST_CASE("an empty file gives the default values") {
  for (const std::string text : {"", "# nothing\n", "---\n"}) {
    const Config config = accept(text);
    CHECK(config.collector.empty());
    CHECK(config.state_dir == "/var/lib/bulkhead-agent");
    CHECK(config.libvirt.uri == "qemu:///system");
    CHECK(config.ring_kib_per_cpu == 512);
    CHECK(config.sweep.interval == 60s);
    CHECK(config.health_interval == 2s);
    CHECK(config.self_check_interval == 60s);
    CHECK_FALSE(config.allow_plaintext);
    CHECK(config.trusted_services == default_config().trusted_services);
    CHECK(validate(config).ok());
  }
}

TEST_CASE("every key of a full file arrives") {
  const Config config = accept(R"(
collector: "[2001:db8::1]:7400"
state_dir: /srv/state
host_id: rack-7.node_3
libvirt:
  uri: qemu+unix:///system?socket=/run/x/libvirt-sock
  run_dir: /run/x
tenants:
  opennebula: user
  rules:
    - match: {uuid: 3E3FCE45-4f53-4fa7-bb32-11f34168b82b, name: "web-*"}
      tenant: acme
trusted_services:
  - executable: /opt/backup
    uid: 34
    operations: [open-volumes, access-memory]
    only_from_trusted_parent: true
  - executable: /opt/other
    uid: any
    operations: [memory-read, volume-write]
ring_kib_per_cpu: 1024
spool: {max_mib: 64}
sweep: {interval: off}
health_interval: 1500ms
self_check_interval: 5m
allow_plaintext: true
log_level: warning
)");
  CHECK(config.collector == "[2001:db8::1]:7400");
  CHECK(config.state_dir == "/srv/state");
  CHECK(config.host_id == "rack-7.node_3");
  CHECK(config.libvirt.uri == "qemu+unix:///system?socket=/run/x/libvirt-sock");
  CHECK(config.libvirt.run_dir == "/run/x");
  CHECK(config.tenants.opennebula == OpenNebulaOwner::kUser);
  CHECK(config.tenants.rules ==
        std::vector<TenantRule>{{"3e3fce45-4f53-4fa7-bb32-11f34168b82b", "web-*", std::nullopt, "acme"}});
  Operations all = kOpenVolumes;
  all.add(kAccessMemory);
  const Operations some = {Operation::kMemoryRead, Operation::kVolumeWrite};
  CHECK(config.trusted_services ==
        std::vector<TrustedService>{{"/opt/backup", 34u, all, true}, {"/opt/other", std::nullopt, some, false}});
  CHECK(config.ring_kib_per_cpu == 1024);
  CHECK(config.spool.max_mib == 64);
  CHECK_FALSE(config.sweep.is_on());
  CHECK(config.health_interval == 1500ms);
  CHECK(config.self_check_interval == 5min);
  CHECK(config.allow_plaintext);
  CHECK(config.log_level == LogLevel::kWarning);
}

TEST_CASE("an unknown key is refused with its place and the nearest name") {
  CHECK(refusal("colector: h:1\n") == "a.yaml:1:1: unknown key 'colector'; did you mean 'collector'?");
  CHECK(refusal("libvirt:\n  uri: qemu:///system\n  run_dri: /x\n") ==
        "a.yaml:3:3: unknown key 'run_dri' in libvirt; did you mean 'run_dir'?");
  CHECK(refusal("spool: {frobnicate: 1}") == "a.yaml:1:9: unknown key 'frobnicate' in spool; known are 'max_mib'");
}

TEST_CASE("a key that stands twice is refused") {
  CHECK(refusal("host_id: a\nhost_id: b\n") == "a.yaml:2:1: key 'host_id' is there twice");
}

TEST_CASE("a value of the wrong type is refused with its place") {
  CHECK(refusal("- a\n") == "a.yaml:1:1: the file must be a mapping, not a list");
  CHECK(refusal("libvirt: qemu:///system\n") == "a.yaml:1:10: libvirt must be a mapping, not 'qemu:///system'");
  CHECK(refusal("state_dir: [a]\n") == "a.yaml:1:12: state_dir must be a string, not a list");
  CHECK(refusal("state_dir:\n").find("state_dir must be a string, not nothing") != std::string::npos);
  CHECK(refusal("allow_plaintext: yes\n") == "a.yaml:1:18: allow_plaintext must be true or false, not 'yes'");
  CHECK(refusal("allow_plaintext: \"true\"\n") == "a.yaml:1:18: allow_plaintext must be true or false, not 'true'");
  CHECK(refusal("ring_kib_per_cpu: -4\n") == "a.yaml:1:19: ring_kib_per_cpu must be a whole number, not '-4'");
  CHECK(refusal("ring_kib_per_cpu: 99999999999999999999\n").find("must be a whole number") != std::string::npos);
  CHECK(refusal("trusted_services: {}\n") == "a.yaml:1:19: trusted_services must be a list, not a mapping");
  CHECK(refusal("health_interval: 5\n") ==
        "a.yaml:1:18: health_interval must be a time with its unit, such as 500ms, 2s or 1m, not '5'");
}

TEST_CASE("a value out of its range is refused with its place") {
  CHECK(refusal("ring_kib_per_cpu: 500\n") ==
        "a.yaml:1:19: ring_kib_per_cpu: 500 is not a power of two from 4 to 1048576");
  CHECK(refusal("spool:\n  max_mib: 7\n") == "a.yaml:2:12: spool.max_mib: 7 is not a number from 8 to 1048576");
  CHECK(refusal("sweep:\n  interval: 999ms\n") == "a.yaml:2:13: sweep.interval must be from 1s to 1h, or off");
  CHECK(refusal("sweep:\n  interval: 2h\n") == "a.yaml:2:13: sweep.interval must be from 1s to 1h, or off");
  CHECK(refusal("health_interval: 99ms\n") == "a.yaml:1:18: health_interval must be from 100ms to 10m");
  CHECK(refusal("self_check_interval: 500ms\n") == "a.yaml:1:22: self_check_interval must be from 1s to 60m");
  CHECK(refusal("log_level: wanring\n") == "a.yaml:1:12: log_level: unknown value 'wanring'; did you mean 'warning'?");
  CHECK(refusal("host_id: a/b\n").starts_with("a.yaml:1:10: host_id: 'a/b' is not 1 to 128 letters"));
  CHECK(refusal("state_dir: var\n") == "a.yaml:1:12: state_dir: 'var' is not an absolute path");
  CHECK(refusal("libvirt: {uri: system}\n") ==
        "a.yaml:1:16: libvirt.uri: 'system' is not a libvirt address such as qemu:///system");
}

TEST_CASE("a collector's address has a shape") {
  const auto good = GENERATE(as<std::string>(), "localhost:7400", "127.0.0.1:1", "c-1.example.net:65535",
                             "'[::1]:7400'", "unix:/run/bulkhead.sock");
  CAPTURE(good);
  CHECK(parse_config("collector: " + good, "f").ok());
}

TEST_CASE("what is no collector's address is refused") {
  const auto bad = GENERATE(as<std::string>(), "localhost", "'localhost:'", "localhost:0", "localhost:65536", "':7400'",
                            "http://x:7400", "'::1:7400'", "'[::1]'", "'[zz]:1'", "a..b:1", "a.:1", "'a b:1'", "x:+1",
                            "unix:run", "unix:/" + std::string(107, 'x'));
  CAPTURE(bad);
  CHECK(refusal("collector: " + bad).find("a.yaml:1:12: collector: ") == 0);
}

TEST_CASE("a trusted service must say whom it trusts with what") {
  CHECK(refusal("trusted_services:\n  - executable: /a\n    uid: 0\n") ==
        "a.yaml:2:5: a trusted service must have the key 'operations'");
  CHECK(refusal("trusted_services: [{uid: 0, executable: /a, operations: []}]") ==
        "a.yaml:1:20: trusted service /a has no operation");
  CHECK(refusal("trusted_services: [{uid: 4294967295, executable: /a, operations: [open-volumes]}]") ==
        "a.yaml:1:26: uid must be a number below 4294967295, or any");
  CHECK(refusal("trusted_services: [{uid: 0, executable: a, operations: [open-volumes]}]") ==
        "a.yaml:1:41: executable: 'a' is not an absolute path");
  CHECK(refusal("trusted_services: [{uid: 0, executable: /a, operations: [open-volume]}]") ==
        "a.yaml:1:58: operations: unknown value 'open-volume'; did you mean 'open-volumes'?");
}

TEST_CASE("operations are named one by one, or all of a kind") {
  const auto operations = [](const std::string& words) {
    return accept("trusted_services: [{uid: 0, executable: /a, operations: [" + words + "]}]")
        .trusted_services.front()
        .operations;
  };
  CHECK(operations("control-domains") == kControlDomains);
  CHECK(operations("memory-read, memory-dump, power") ==
        Operations{Operation::kMemoryRead, Operation::kMemoryDump, Operation::kPower});
  CHECK(operations("open-volumes, access-memory").contains(kOpenVolumes));
}

TEST_CASE("an empty list of trusted services trusts nobody") {
  CHECK(accept("trusted_services: []\n").trusted_services.empty());
}

TEST_CASE("by default nobody may access memory and helpers need a trusted parent") {
  for (const TrustedService& service : default_config().trusted_services) {
    CAPTURE(service.executable);
    CHECK_FALSE(service.operations.intersects(kAccessMemory));
    CHECK((service.uid == 0u || service.only_from_trusted_parent));
  }
}

TEST_CASE("tenants are in a file or inline, not both") {
  CHECK(refusal("tenants:\n  file: /t.yaml\n  rules: [{match: {name: a}, tenant: b}]\n").find("keep one") !=
        std::string::npos);
}

TEST_CASE("text that is no YAML is refused with its place") {
  CHECK(refusal("a: [\n").starts_with("a.yaml:2:1: "));
  CHECK(refusal("a: b: c\n").starts_with("a.yaml:1:5: "));
  CHECK(refusal("host_id: a\n---\nhost_id: b\n").find("a second document") != std::string::npos);
  CHECK(refusal(std::string((8u << 20) + 1, '#')) == "a.yaml:1:1: is larger than 8 MiB");
}

TEST_CASE("what follows a document is refused, and reading it ends") {
  CHECK(refusal("# c\n- a: b\n\n# d\n,- c: d\n").find("a second document") != std::string::npos);
}

TEST_CASE("text nested without end is refused, not followed") {
  CHECK_FALSE(parse_config(std::string(100000, '['), "a.yaml").ok());
  CHECK_FALSE(parse_config(std::string(100000, '{'), "a.yaml").ok());
}

TEST_CASE("validation finds what a program put in") {
  const auto broken = [](void (*breaks)(Config&)) {
    Config config = default_config();
    breaks(config);
    return std::string(validate(config).message());
  };
  CHECK(broken([](Config&) {}).empty());
  CHECK(broken([](Config& c) { c.collector = "x"; }).starts_with("collector: address 'x'"));
  CHECK(broken([](Config& c) { c.state_dir = ""; }) == "state_dir: '' is not an absolute path");
  CHECK(broken([](Config& c) { c.libvirt.uri = "x"; }).starts_with("libvirt.uri: "));
  CHECK(broken([](Config& c) { c.ring_kib_per_cpu = 3; }).starts_with("ring_kib_per_cpu: "));
  CHECK(
      broken([](Config& c) { c.tenants.rules.push_back({{}, "a", {}, "host"}); }).starts_with("tenants.rules: 'host'"));
}
