#include <catch2/catch.hpp>
#include <thread>

#include "tests/unit/ingest/harness.h"

namespace bulkhead::test {

TEST_CASE("a Hello is welcomed with the sequence expected for each boot that it names") {
  Harness harness;
  const auto old = make_batch(1, 6, kHost, "boot-0");
  REQUIRE(harness.store->log().append(std::span(&old, 1)).ok());
  Agent agent(harness);
  v1::AgentMessage hello;
  hello.mutable_hello()->set_host_id(kHost);
  hello.mutable_hello()->set_boot_id(kBoot);
  hello.mutable_hello()->add_spooled_boot_ids("boot-0");
  REQUIRE(agent.send(hello));
  const auto message = agent.receive();
  REQUIRE(message);
  REQUIRE(message->welcome().collector_id() == "collector-1");
  REQUIRE(message->welcome().positions_size() == 2);
  REQUIRE(message->welcome().positions(0).boot_id() == "boot-0");
  REQUIRE(message->welcome().positions(0).next_sequence() == 7);
  REQUIRE(message->welcome().positions(1).next_sequence() == 1);
  REQUIRE(harness.directory->totals().connected_hosts == 1);
}

TEST_CASE("an acknowledged batch is in the store, and one that comes twice is there once") {
  Harness harness;
  Agent agent(harness);
  REQUIRE(agent.send_hello());
  REQUIRE(agent.send_batch(make_batch(1, 5)));
  REQUIRE(agent.receive_ack(5) == 5);
  REQUIRE(stored_sequences(harness.store->log()).size() == 5);
  REQUIRE(agent.send_batch(make_batch(1, 5)));
  REQUIRE(agent.receive_ack(5) == 5);
  REQUIRE(agent.send_batch(make_batch(4, 5)));
  REQUIRE(agent.receive_ack(8) == 8);
  REQUIRE(stored_sequences(harness.store->log()).size() == 8);
  REQUIRE(harness.ingest->statistics().batches_duplicate == 1);
}

TEST_CASE("batches beyond the expected sequence are answered with one Rewind, and the stream goes on from there") {
  Harness harness;
  Agent agent(harness);
  REQUIRE(agent.send_hello());
  REQUIRE(agent.receive()->has_welcome());
  REQUIRE(agent.send_batch(make_batch(3, 2)));
  REQUIRE(agent.send_batch(make_batch(5, 2)));
  const auto message = agent.receive();
  REQUIRE(message->has_rewind());
  REQUIRE(message->rewind().boot_id() == kBoot);
  REQUIRE(message->rewind().next_sequence() == 1);
  REQUIRE(agent.send_batch(make_batch(1, 6)));
  REQUIRE(agent.receive()->ack().through_sequence() == 6);
  REQUIRE(harness.ingest->statistics().batches_beyond == 2);
}

TEST_CASE("a stated gap is acknowledged, counted as missing, and leaves a loss event in the log") {
  Harness harness;
  Agent agent(harness);
  REQUIRE(agent.send_hello());
  v1::AgentMessage message;
  message.mutable_gap()->set_boot_id(kBoot);
  message.mutable_gap()->set_from_sequence(1);
  message.mutable_gap()->set_through_sequence(40);
  message.mutable_gap()->set_reason(v1::SequenceGap::REASON_ACKNOWLEDGED_BEFORE);
  REQUIRE(agent.send(message));
  REQUIRE(agent.send_batch(make_batch(41, 2)));
  REQUIRE(agent.receive_ack(42) == 42);
  REQUIRE(*harness.store->ledger().missing(kHost) == 40);
  const auto log = harness.store->log().read({}, 10);
  REQUIRE(log->front().batch.events(0).loss().count() == 40);
}

TEST_CASE("a second stream of a host takes over, the first is ended, the host stays connected") {
  Harness harness;
  Agent first(harness);
  REQUIRE(first.send_hello());
  REQUIRE(first.receive()->has_welcome());
  Agent second(harness);
  REQUIRE(second.send_hello());
  REQUIRE(second.receive()->has_welcome());
  REQUIRE(first.finish().error_code() == grpc::StatusCode::ABORTED);
  REQUIRE(Harness::eventually([&] { return harness.ingest->statistics().streams == 1; }));
  REQUIRE(harness.directory->totals().connected_hosts == 1);
  REQUIRE(second.send_batch(make_batch(1, 1)));
  REQUIRE(second.receive_ack(1) == 1);
  REQUIRE(harness.ingest->statistics().streams_replaced == 1);
}

TEST_CASE("a host is disconnected when its agent closes or breaks its stream") {
  Harness harness;
  Agent agent(harness);
  REQUIRE(agent.send_hello());
  REQUIRE(agent.receive()->has_welcome());
  SECTION("closes") {
    agent.half_close();
    REQUIRE(agent.finish().ok());
  }
  SECTION("breaks") {
    agent.cancel();
  }
  REQUIRE(Harness::eventually([&] { return harness.directory->totals().connected_hosts == 0; }));
  REQUIRE(Harness::eventually([&] { return harness.ingest->statistics().streams == 0; }));
}

TEST_CASE("health, coverage and inventory reach the directory") {
  Harness harness;
  Agent agent(harness);
  REQUIRE(agent.send_hello());
  v1::AgentMessage health;
  health.mutable_health()->set_malformed(3);
  REQUIRE(agent.send(health));
  v1::AgentMessage coverage;
  coverage.mutable_coverage()->add_probes()->set_name("p");
  REQUIRE(agent.send(coverage));
  v1::AgentMessage inventory;
  inventory.mutable_inventory()->add_domains()->set_tenant("t");
  REQUIRE(agent.send(inventory));
  REQUIRE(Harness::eventually([&] { return harness.directory->tenants().size() == 1; }));
  const auto hosts = harness.directory->hosts();
  REQUIRE(hosts.front().health().malformed() == 3);
  REQUIRE(hosts.front().coverage().probes_size() == 1);
}

TEST_CASE("an agent is sent the policy after its Welcome, and each one that follows") {
  Harness harness;
  Agent before(harness);
  REQUIRE(before.send_hello("host-before"));
  REQUIRE(before.receive()->has_welcome());
  const auto policy = [](const std::string& version) {
    v1::AgentPolicy made;
    made.set_version(version);
    made.add_trusted_services()->set_executable("/bin/x");
    return made;
  };
  harness.ingest->set_policy(policy("one"));
  const auto pushed = before.receive();
  REQUIRE(pushed);
  REQUIRE(pushed->policy().version() == "one");
  REQUIRE(pushed->policy().trusted_services_size() == 1);

  Agent after(harness);
  REQUIRE(after.send_hello());
  REQUIRE(after.receive()->has_welcome());
  REQUIRE(after.receive()->policy().version() == "one");
  harness.ingest->set_policy(policy("two"));
  REQUIRE(before.receive()->policy().version() == "two");
  REQUIRE(after.receive()->policy().version() == "two");
  // The stream goes on as it did.
  REQUIRE(after.send_batch(make_batch(1, 3)));
  REQUIRE(after.receive_ack(3) == 3);
}

TEST_CASE("an agent that does not read is sent the newest policy in the place of those that wait") {
  Harness harness;
  Agent slow(harness);
  REQUIRE(slow.send_hello());
  REQUIRE(slow.receive()->has_welcome());
  // More than the connection's buffers hold, so that all but the first few wait in the collector.
  constexpr int kPolicies = 200;
  for (int i = 1; i <= kPolicies; ++i) {
    v1::AgentPolicy policy;
    policy.set_version(std::to_string(i));
    policy.add_tenants()->set_id(std::string(1u << 20, 'x'));
    harness.ingest->set_policy(std::move(policy));
  }
  int received = 0;
  std::string newest;
  while (newest != std::to_string(kPolicies)) {
    const auto message = slow.receive();
    REQUIRE(message);
    REQUIRE(message->has_policy());
    newest = message->policy().version();
    ++received;
  }
  REQUIRE(received < kPolicies / 2);
}

TEST_CASE("stopping acknowledges what was sent and then ends the streams") {
  Harness harness;
  Agent agent(harness);
  REQUIRE(agent.send_hello());
  REQUIRE(agent.receive()->has_welcome());
  REQUIRE(agent.send_batch(make_batch(1, 3)));
  REQUIRE(Harness::eventually([&] { return harness.ingest->statistics().batches == 1; }));
  std::thread stop([&] { harness.ingest->stop(std::chrono::seconds(20)); });
  REQUIRE(agent.receive_ack(3) == 3);
  REQUIRE(agent.finish().error_code() == grpc::StatusCode::UNAVAILABLE);
  stop.join();
  Agent late(harness);
  REQUIRE(late.finish().error_code() == grpc::StatusCode::UNAVAILABLE);
}

TEST_CASE("many agents at once are all stored exactly once") {
  Harness harness;
  constexpr int kAgents = 12;
  std::atomic<int> good = 0;
  std::vector<v1::EventBatch> batches[kAgents];
  for (int a = 0; a < kAgents; ++a) {
    for (std::uint64_t i = 0; i < 30; ++i) batches[a].push_back(make_batch(1 + i * 4, 4, "host-" + std::to_string(a)));
  }
  std::vector<std::thread> threads;
  for (int a = 0; a < kAgents; ++a) {
    threads.emplace_back([&, a] {
      Agent agent(harness);
      if (!agent.send_hello("host-" + std::to_string(a))) return;
      for (const auto& batch : batches[a]) agent.send_batch(batch);
      if (agent.receive_ack(120) == 120) ++good;
    });
  }
  for (auto& thread : threads) thread.join();
  REQUIRE(good == kAgents);
  REQUIRE(harness.store->log().statistics().events == kAgents * 120);
}

}  // namespace bulkhead::test
