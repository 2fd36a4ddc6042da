#include "collector/policy/difference.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tests/unit/policy/policies.h"

namespace bulkhead::test {

namespace {

std::vector<std::string> told(const std::string& before, const std::string& after) {
  std::vector<std::string> lines;
  for (const auto& one : policy::differences(parsed(before).policy, parsed(after).policy)) {
    const char* kind = one.kind == policy::Difference::Kind::kAdded     ? "+"
                       : one.kind == policy::Difference::Kind::kRemoved ? "-"
                                                                        : "~";
    lines.push_back(fmt::format("{} {} {} | {}", kind, one.section, one.entry, fmt::join(one.changes, " | ")));
  }
  return lines;
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("layout, comments, the version and the order of what has none are no difference") {
  CHECK(told("version: 1\ntenants: [{id: a}, {id: b}]\nbase_images: [/x, /y]\n",
             "# again\nversion: 2\nbase_images:\n  - /y\n  - /x\ntenants: [{id: b}, {id: a}]\n") == Lines{});
  CHECK(told("version: 1\nmanagement_addresses: [10.0.0.1]\ngrants: {max_duration: 24h}\n",
             "version: 1\nmanagement_addresses: [10.0.0.1/32]\ngrants: {max_duration: 1d}\n") == Lines{});
}

TEST_CASE("entries that come, go and change are told by name") {
  CHECK(told("version: 1\ntenants: [{id: a, name: A}, {id: b}]\nbase_images: [/x]\n",
             "version: 1\ntenants: [{id: a, name: AA}, {id: c}]\nbase_images: [/y]\n") ==
        Lines{"~ tenants a | name: A → AA", "- tenants b | ", "+ tenants c | ", "- base_images /x | ",
              "+ base_images /y | "});
}

TEST_CASE("every field of every section is compared") {
  const std::string before = R"(version: 1
tenants: [{id: a, domains: [{name: "a-*"}], regions: [r]}]
trusted_services:
  - {name: s, executable: /bin/s, uid: 0, operations: [volume-read], tenants: [a]}
  - {name: p, executable: /bin/p, uid: 0, operations: [volume-read]}
shared_networks: [{name: n, bridges: [br0]}]
peerings: []
management_addresses: [10.0.0.0/8]
regions: [{name: r, prefixes: [11.0.0.0/8]}]
drained_hosts: [{host: h, why: x}]
grants: {max_duration: 8h}
)";
  const std::string after = R"(version: 1
tenants: [{id: a, domains: [{name: "b-*", title: t}], regions: []}]
trusted_services:
  - name: s
    executable: /bin/t
    uid: any
    unit: s.service
    operations: [memory-debug]
    hosts: [h]
  - {name: p, executable: /bin/p, uid: 0, operations: [volume-read]}
shared_networks: [{name: n, bridges: [br1], tenants: [a]}]
management_addresses: ["fd00::/8"]
regions: [{name: r, prefixes: [12.0.0.0/8]}]
drained_hosts: [{host: h, until: "2026-12-01T00:00:00Z", why: y}]
grants: {two_persons: true}
)";
  CHECK(told(before, after) ==
        Lines{"~ tenants a | domains: -{name: a-*} +{name: b-*, title: t} | regions: -r",
              "~ trusted_services s | executable: /bin/s → /bin/t | uid: 0 → not set | unit: not set → s.service | "
              "operations: -volume-read +memory-debug | hosts: +h | tenants: -a",
              "~ shared_networks n | bridges: -br0 +br1 | tenants: +a", "- management_addresses 10.0.0.0/8 | ",
              "+ management_addresses fd00::/8 | ", "~ regions r | prefixes: -11.0.0.0/8 +12.0.0.0/8",
              "~ drained_hosts h | until: not set → 2026-12-01T00:00:00+00:00 | why: x → y",
              "~ grants  | max_duration: 8h → not set | two_persons: false → true"});
}

TEST_CASE("another order of tenants with domain matches is a difference: the first match decides") {
  const std::string before =
      "version: 1\ntenants: [{id: a, domains: [{name: x*}]}, {id: b, domains: [{name: '*y'}]}]\n";
  const std::string after = "version: 1\ntenants: [{id: b, domains: [{name: '*y'}]}, {id: a, domains: [{name: x*}]}]\n";
  CHECK(told(before, after) == Lines{"~ tenants  | the order, in which the first match decides"});
}

}  // namespace bulkhead::test
