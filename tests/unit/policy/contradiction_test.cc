// What a policy says on its own and against itself: each fault with the place of what has to change.
#include "tests/unit/policy/policies.h"

namespace bulkhead::test {

namespace {

std::string with_tenants(const std::string& rest) {
  return "version: 1\ntenants: [{id: acme}, {id: globex}]\n" + rest;
}

std::string service(const std::string& name, const std::string& rest) {
  return "  - {name: " + name + ", executable: /bin/" + name + ", uid: 0, " + rest + "}\n";
}

}  // namespace

TEST_CASE("tenants that contradict each other are refused") {
  CHECK(refusal("version: 1\ntenants: [{id: acme}, {id: acme}]\n") ==
        "p.yaml:2:28: tenant 'acme' is there twice, first at 2:16");
  CHECK(refusal("version: 1\ntenants: [{id: \"unknown:7\"}]\n") ==
        "p.yaml:2:16: 'unknown:7' is a word of Bulkhead's own and cannot be a tenant's key");
  CHECK(refusal("version: 1\ntenants:\n  - {id: a, domains: [{name: x, title: y}]}\n"
                "  - {id: b, domains: [{title: y, name: x}]}\n") ==
        "p.yaml:4:23: the domain match {name: 'x', title: 'y'} is there twice, first for tenant 'a' at 3:23");
  CHECK(refusal("version: 1\ntenants:\n  - {id: a, domains: [{uuid: 3e3fce45-4f53-4fa7-bb32-11f34168b82b}]}\n"
                "  - {id: b, domains: [{uuid: 3E3FCE45-4f53-4fa7-bb32-11f34168b82b}]}\n")
            .starts_with("p.yaml:4:23: the domain match {uuid: '3E3FCE45"));
  CHECK(refusal("version: 1\ntenants:\n  - {id: a, domains: [{}]}\n") ==
        "p.yaml:3:23: a domain match must have at least one of uuid, name, title");
  CHECK(refusal("version: 1\ntenants:\n  - {id: a, domains: [{uuid: x}]}\n") ==
        "p.yaml:3:30: 'x' is not a uuid such as xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx");
  CHECK(refusal("version: 1\ntenants: [{id: a, regions: [noth]}]\nregions: [{name: north, prefixes: [1.0.0.0/8]}]\n") ==
        "p.yaml:2:29: region 'noth' is not one of regions; did you mean 'north'?");
}

TEST_CASE("trusted services that cannot be meant are refused") {
  const std::string begin = with_tenants("trusted_services:\n");
  CHECK(refusal(begin + service("a", "operations: [volume-reed]")) ==
        "p.yaml:4:56: unknown operation 'volume-reed'; did you mean 'volume-read'?");
  CHECK(refusal(begin + service("a", "operations: [open-volumes]"))
            .starts_with("p.yaml:4:56: unknown operation 'open-volumes'"));
  CHECK(refusal(begin + service("a", "operations: []")) ==
        "p.yaml:4:5: a trusted service must have at least one operation");
  CHECK(refusal(begin + service("a", "operations: [volume-read, volume-read]")) ==
        "p.yaml:4:69: operation 'volume-read' is there twice, first at 4:56");
  CHECK(refusal(begin + service("a", "operations: [volume-read], unit: backup")) ==
        "p.yaml:4:76: 'backup' is no systemd unit such as backup.service");
  CHECK(refusal(begin + service("a", "operations: [volume-read], unit: x/y.service")) ==
        "p.yaml:4:76: 'x/y.service' is no systemd unit such as backup.service");
  CHECK(refusal(begin + service("a", "operations: [volume-read], tenants: [acne]")) ==
        "p.yaml:4:80: tenant 'acne' is not one of tenants; did you mean 'acme'?");
  CHECK(refusal(begin + service("a", "operations: [volume-read]") + service("a", "operations: [volume-read]")) ==
        "p.yaml:5:12: trusted service 'a' is there twice, first at 4:12");
  CHECK(refusal(begin + "  - {name: a, executable: bin/a, uid: -1, operations: [volume-read]}\n") ==
        "p.yaml:4:27: 'bin/a' is not an absolute path\n"
        "p.yaml:4:39: uid must be a number below 4294967295, or any, not '-1'");
  CHECK(refusal(begin + "  - {name: a, executable: /usr/../bin/a, uid: 4294967295, operations: [volume-read]}\n") ==
        "p.yaml:4:27: '/usr/../bin/a' is written '/bin/a' in short\n"
        "p.yaml:4:47: uid must be a number below 4294967295, or any, not '4294967295'");
}

TEST_CASE("a service that needs a trusted parent needs one in the file") {
  const std::string begin = with_tenants("trusted_services:\n");
  const std::string child = service("a", "operations: [volume-read], only_from_trusted_parent: true");
  const std::string none =
      "p.yaml:4:5: only_from_trusted_parent, but no other service of this file is trusted with such an operation "
      "without it: nothing could ever start this one";
  CHECK(refusal(begin + child) == none);
  CHECK(refusal(begin + child + service("b", "operations: [memory-read]")) == none);
  CHECK(refusal(begin + service("a", "operations: [volume-read], only_from_trusted_parent: true, hosts: [x]") +
                service("b", "operations: [volume-write], hosts: [y]")) == none);
  parsed(begin + child + service("b", "operations: [volume-write]"));
  // What is asked of libvirt is a permission of its own.
  const std::string control = service("a", "operations: [memory-dump], only_from_trusted_parent: true");
  CHECK(refusal(begin + control + service("b", "operations: [memory-read]")) == none);
  parsed(begin + control + service("b", "operations: [power]"));
}

TEST_CASE("one executable cannot be trusted with and without a trusted parent on one host") {
  const auto both = [](const std::string& first, const std::string& second) {
    const auto one = [](const std::string& name, const std::string& rest) {
      return "  - {name: " + name + ", executable: /bin/x, uid: 0, operations: [volume-read]" + rest + "}\n";
    };
    return with_tenants("trusted_services:\n" + one("other", "") + one("plain", first) +
                        one("child", ", only_from_trusted_parent: true" + second));
  };
  CHECK(refusal(both("", "")) ==
        "p.yaml:6:5: '/bin/x' is trusted both with and without only_from_trusted_parent, first at 4:5\n"
        "p.yaml:6:5: '/bin/x' is trusted both with and without only_from_trusted_parent, first at 5:5");
  CHECK(refusal(both(", hosts: [h]", ", hosts: [h, i]")).find("first at 5:5") != std::string::npos);
}

TEST_CASE("networks and peerings that contradict themselves are refused") {
  CHECK(refusal(with_tenants("peerings: [{name: p, tenants: [acme, initech]}]\n")) ==
        "p.yaml:3:38: tenant 'initech' is not one of tenants");
  CHECK(refusal(with_tenants("peerings: [{name: p, tenants: [acme]}]\n")) ==
        "p.yaml:3:12: a peering must have at least two tenants");
  CHECK(refusal(with_tenants("peerings: [{name: p, tenants: [acme, acme]}]\n")) ==
        "p.yaml:3:38: tenant 'acme' is there twice, first at 3:32");
  CHECK(refusal(with_tenants("shared_networks: [{name: n, bridges: [br0], tenants: [glob]}]\n"))
            .starts_with("p.yaml:3:55: tenant 'glob' is not one of tenants"));
  CHECK(refusal(with_tenants("shared_networks: [{name: n, bridges: [br0]}, {name: m, bridges: [br0]}]\n")) ==
        "p.yaml:3:66: bridge 'br0' is there twice, first at 3:39");
  CHECK(refusal(with_tenants("shared_networks: [{name: n, bridges: []}]\n")) ==
        "p.yaml:3:19: a shared network must have at least one bridge");
  CHECK(refusal(with_tenants("shared_networks: [{name: n, bridges: [a-bridge-that-is-long]}]\n")) ==
        "p.yaml:3:39: 'a-bridge-that-is-long' is no name of a network device: at most 15 visible characters, no '/'");
}

TEST_CASE("prefixes that are none, or in two regions, are refused") {
  CHECK(refusal("version: 1\nmanagement_addresses: [10.0.0.1/24]\n") ==
        "p.yaml:2:24: '10.0.0.1/24' has bits beyond its length; 10.0.0.0/24 is the prefix");
  CHECK(refusal("version: 1\nmanagement_addresses: [10.0.0.1, 10.0.0.1/32]\n") ==
        "p.yaml:2:34: management address '10.0.0.1/32' is there twice, first at 2:24");
  CHECK(refusal("version: 1\nregions:\n  - {name: a, prefixes: [10.0.0.0/8]}\n"
                "  - {name: b, prefixes: [192.0.2.0/24, 10.1.0.0/16]}\n") ==
        "p.yaml:4:40: 10.1.0.0/16 overlaps with 10.0.0.0/8 of region 'a' at 3:26");
  CHECK(refusal("version: 1\nregions:\n  - {name: a, prefixes: [\"2001:db8:1::/48\"]}\n"
                "  - {name: b, prefixes: [\"2001:db8::/32\"]}\n") ==
        "p.yaml:4:26: 2001:db8::/32 overlaps with 2001:db8:1::/48 of region 'a' at 3:26");
  // The outermost is another region's, the next one around it is its own.
  CHECK(refusal("version: 1\nregions:\n  - {name: a, prefixes: [10.0.0.0/8]}\n"
                "  - {name: b, prefixes: [10.1.0.0/16, 10.1.1.0/24]}\n") ==
        "p.yaml:4:26: 10.1.0.0/16 overlaps with 10.0.0.0/8 of region 'a' at 3:26\n"
        "p.yaml:4:39: 10.1.1.0/24 overlaps with 10.0.0.0/8 of region 'a' at 3:26");
  CHECK(refusal("version: 1\nregions: [{name: a, prefixes: [10.0.0.0/8, 10.0.0.0/8]}]\n") ==
        "p.yaml:2:44: 10.0.0.0/8 overlaps with 10.0.0.0/8 of region 'a' at 2:32");
  CHECK(refusal("version: 1\nregions: [{name: a, prefixes: []}]\n") ==
        "p.yaml:2:11: a region must have at least one prefix");
  parsed("version: 1\nregions: [{name: a, prefixes: [10.0.0.0/8, 10.1.0.0/16]}, {name: b, prefixes: [11.0.0.0/8]}]\n");
}

TEST_CASE("times and durations that are none are refused") {
  const auto grants = [](const std::string& duration) {
    return refusal("version: 1\ngrants: {max_duration: " + duration + "}\n");
  };
  CHECK(grants("0s") == "p.yaml:2:24: '0s' must be more than 0");
  CHECK(grants("-2h") == "p.yaml:2:24: '-2h' must be more than 0");
  CHECK(grants("8") == "p.yaml:2:24: '8' is no time with its unit, such as 90m, 8h or 7d");
  CHECK(grants("inf") == "p.yaml:2:24: 'inf' is longer than 100 years");
  CHECK(refusal("version: 1\ndrained_hosts: [{host: a, until: soon, why: w}]\n") ==
        "p.yaml:2:34: 'soon' is no time such as 2026-11-22T01:00:00Z");
  CHECK(refusal("version: 1\ndrained_hosts: [{host: a, why: w}, {host: a, why: w}]\n") ==
        "p.yaml:2:43: drained host 'a' is there twice, first at 2:24");
}

}  // namespace bulkhead::test
