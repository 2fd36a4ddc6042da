#include "collector/policy/permission.h"

#include "tests/unit/policy/policies.h"

namespace bulkhead::test {

namespace {

constexpr char kPolicy[] = R"(version: 1
tenants: [{id: acme}, {id: globex}, {id: initech}]
peerings: [{name: backbone, tenants: [acme, globex]}]
shared_networks:
  - {name: storage, bridges: [br-a, br-b], tenants: [acme, initech]}
  - {name: public, bridges: [br-public]}
)";

v1::Event frame(const std::string& from, const std::string& to) {
  v1::Event event;
  event.set_host_id("host-a");
  event.mutable_actor()->set_tenant(from);
  event.mutable_object()->set_tenant(to);
  event.mutable_frame_delivery()->set_source_port("tap-1");
  event.mutable_frame_delivery()->set_destination_port("tap-2");
  event.mutable_frame_delivery()->set_source_mac_tenant(from);
  return event;
}

policy::BridgeOf on(const std::string& source, const std::string& destination) {
  return [=](const std::string& host, const std::string& port) -> std::optional<std::string> {
    REQUIRE(host == "host-a");
    const std::string& bridge = port == "tap-1" ? source : destination;
    return bridge.empty() ? std::nullopt : std::optional(bridge);
  };
}

std::string allowed(const v1::Event& event, const policy::BridgeOf& bridge_of) {
  return policy::permission(parsed(kPolicy).policy, event, bridge_of).value_or("no");
}

}  // namespace

TEST_CASE("a peering allows frames between its tenants, both ways and wherever they meet") {
  CHECK(allowed(frame("acme", "globex"), on("", "")) == "peering backbone");
  CHECK(allowed(frame("globex", "acme"), on("", "")) == "peering backbone");
  CHECK(allowed(frame("acme", "initech"), on("", "")) == "no");
  CHECK(allowed(frame("globex", "initech"), on("", "")) == "no");
}

TEST_CASE("a shared network allows frames between its tenants where both ports are on its bridges") {
  CHECK(allowed(frame("acme", "initech"), on("br-a", "br-b")) == "shared network storage");
  CHECK(allowed(frame("acme", "initech"), on("br-a", "br-x")) == "no");
  CHECK(allowed(frame("acme", "initech"), on("br-x", "br-a")) == "no");
  CHECK(allowed(frame("globex", "initech"), on("br-a", "br-b")) == "no");
  CHECK(allowed(frame("acme", "initech"), on("br-a", "br-public")) == "no");
}

TEST_CASE("a port whose bridge is not known is on no shared network") {
  CHECK(allowed(frame("acme", "initech"), on("br-a", "")) == "no");
  CHECK(allowed(frame("acme", "initech"), on("", "br-a")) == "no");
}

TEST_CASE("a shared network without tenants is for all tenants that are known") {
  CHECK(allowed(frame("globex", "initech"), on("br-public", "br-public")) == "shared network public");
  CHECK(allowed(frame("somebody", "initech"), on("br-public", "br-public")) == "shared network public");
  CHECK(allowed(frame("unknown:1", "initech"), on("br-public", "br-public")) == "no");
  CHECK(allowed(frame("initech", "unknown:1"), on("br-public", "br-public")) == "no");
  CHECK(allowed(frame("host", "initech"), on("br-public", "br-public")) == "no");
}

TEST_CASE("a frame that bears the MAC of a third tenant is not allowed as the second one's") {
  v1::Event event = frame("acme", "globex");
  event.mutable_frame_delivery()->set_source_mac_tenant("initech");
  CHECK(allowed(event, on("", "")) == "no");
  event = frame("acme", "initech");
  event.mutable_frame_delivery()->set_source_mac_tenant("globex");
  CHECK(allowed(event, on("br-a", "br-b")) == "no");
  event.mutable_frame_delivery()->clear_source_mac_tenant();
  CHECK(allowed(event, on("br-a", "br-b")) == "shared network storage");
}

TEST_CASE("nothing but frames is allowed by a peering or a shared network") {
  v1::Event event;
  event.mutable_actor()->set_tenant("acme");
  event.mutable_object()->set_tenant("globex");
  event.mutable_file_open();
  CHECK(allowed(event, on("br-a", "br-b")) == "no");
  event.mutable_memory_access();
  CHECK(allowed(event, on("br-a", "br-b")) == "no");
}

}  // namespace bulkhead::test
