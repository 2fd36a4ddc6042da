// Collectors that are not what they should be.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/stream/backoff.h"
#include "tests/unit/stream/stream_fixture.h"

using namespace bulkhead;
using namespace std::chrono_literals;
using test::Collected;
using test::StreamFixture;

namespace {

// The hook that answers the first batch with `answer` instead of an Ack.
test::TestCollector::Hook answer_batch(v1::CollectorMessage answer) {
  return [answer](const v1::AgentMessage& message, Collected&, test::TestCollector::Answers* answers) {
    if (message.has_batch()) answers->push_back(answer);
    return message.has_batch();
  };
}

test::TestCollector::Hook answer_hello(v1::CollectorMessage answer) {
  return [answer](const v1::AgentMessage& message, Collected&, test::TestCollector::Answers* answers) {
    if (message.has_hello()) answers->push_back(answer);
    return message.has_hello();
  };
}

// A TCP port on loopback with someone behind it who does not speak gRPC.
class RawServer {
 public:
  RawServer() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    REQUIRE(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(::listen(listener_, 16) == 0);
    REQUIRE(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    address_ = absl::StrCat("127.0.0.1:", ntohs(address.sin_port));
  }
  ~RawServer() {
    ::shutdown(listener_, SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
    ::close(listener_);
  }
  // Says it to everyone who connects, and hangs up.
  void say(const std::string& text) {
    thread_ = std::thread([this, text] {
      for (int peer; (peer = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0; ::close(peer)) {
        ::send(peer, text.data(), text.size(), MSG_NOSIGNAL);
      }
    });
  }
  const std::string& address() const { return address_; }

 private:
  int listener_;
  std::string address_;
  std::thread thread_;
};

}  // namespace

TEST_CASE("Garbage from the collector ends the session with a reason, and nothing leaves the spool") {
  StreamFixture fixture;
  std::string reason;
  SECTION("an Ack beyond what was sent") {
    fixture.collector.set_hook(answer_batch(test::ack(test::kSampleBoot, 99)));
    reason = "acknowledged sequence 99";
  }
  SECTION("an Ack of the greatest sequence") {
    fixture.collector.set_hook(answer_batch(test::ack(test::kSampleBoot, ~0ull)));
    reason = "acknowledged sequence 18446744073709551615";
  }
  SECTION("an Ack of another boot") {
    fixture.collector.set_hook(answer_batch(test::ack("unknown-boot", 1)));
    reason = "a boot that is not here: 'unknown-boot'";
  }
  SECTION("a Rewind beyond what was sent") {
    fixture.collector.set_hook(answer_batch(test::rewind(test::kSampleBoot, 50)));
    reason = "rewinds to sequence 50";
  }
  SECTION("a Rewind to 0") {
    fixture.collector.set_hook(answer_batch(test::rewind(test::kSampleBoot, 0)));
    reason = "rewinds to sequence 0";
  }
  SECTION("a second Welcome") {
    fixture.collector.set_hook(answer_batch(test::welcome(test::kSampleBoot, 1)));
    reason = "a second Welcome";
  }
  SECTION("a message of no kind") {
    fixture.collector.set_hook(answer_batch(v1::CollectorMessage()));
    reason = "does not know";
  }
  SECTION("an Ack before the Welcome") {
    fixture.collector.set_hook(answer_hello(test::ack(test::kSampleBoot, 1)));
    reason = "before its Welcome";
  }
  SECTION("a Welcome to an impossible sequence") {
    fixture.collector.set_hook(answer_hello(test::welcome(test::kSampleBoot, ~0ull)));
    reason = "cannot go on from sequence 18446744073709551615";
  }
  SECTION("a Welcome to sequence 0") {
    fixture.collector.set_hook(answer_hello(test::welcome(test::kSampleBoot, 0)));
    reason = "cannot go on from sequence 0";
  }
  fixture.spool.append(3);
  fixture.start_collector();
  fixture.start_stream();
  REQUIRE(test::eventually([&] { return fixture.stream->state().error.find(reason) != std::string::npos; }));
  CHECK(fixture.spool.spool().statistics().unacknowledged_events == 3);
  // It tries again, and a collector that came to its senses gets everything.
  fixture.collector.set_hook(nullptr);
  REQUIRE(fixture.wait_stored(3));
  CHECK(fixture.collector.collected().stored == StreamFixture::ids(3));
}

TEST_CASE("A collector that rewinds for ever is left") {
  StreamFixture fixture;
  fixture.spool.append(2);
  std::uint64_t turn = 0;
  fixture.collector.set_hook([&](const v1::AgentMessage& message, Collected&, auto* answers) {
    if (message.has_batch()) answers->push_back(test::rewind(test::kSampleBoot, 1 + ++turn % 2));
    return message.has_batch();
  });
  fixture.start_collector();
  fixture.start_stream();
  REQUIRE(test::eventually(
      [&] { return fixture.stream->state().error.find("acknowledged nothing in between") != std::string::npos; }));
}

TEST_CASE("The collector's refusal is in the state in its own words") {
  StreamFixture fixture;
  class Refusing final : public v1::Ingest::Service {
    grpc::Status Stream(grpc::ServerContext*,
                        grpc::ServerReaderWriter<v1::CollectorMessage, v1::AgentMessage>*) override {
      return {grpc::StatusCode::INVALID_ARGUMENT, "host id is taken"};
    }
  } service;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(fixture.socket(), grpc::InsecureServerCredentials());
  builder.RegisterService(&service);
  const auto server = builder.BuildAndStart();
  fixture.options.collector = fixture.socket();
  fixture.start_stream();
  REQUIRE(test::eventually([&] { return fixture.stream->state().error == "host id is taken"; }));
  CHECK_FALSE(fixture.stream->state().connected);
  fixture.stream.reset();
  server->Shutdown(std::chrono::system_clock::now());
}

TEST_CASE("A peer that does not speak gRPC is an error, not an end") {
  StreamFixture fixture;
  RawServer server;
  server.say("HTTP/1.1 400 Bad Request\r\n\r\n");
  fixture.options.collector = server.address();
  fixture.start_stream();
  REQUIRE(test::eventually([&] { return !fixture.stream->state().error.empty(); }));
  CHECK(fixture.stream->state().sessions == 0);
  fixture.stream.reset();
}

TEST_CASE("A stream can be stopped while its peer says nothing") {
  StreamFixture fixture;
  RawServer server;
  fixture.options.collector = server.address();
  fixture.start_stream();
  const auto begin = std::chrono::steady_clock::now();
  SECTION("at once") {}
  SECTION("after it began to connect") {
    // No event tells that; either order must stop in time.
    std::this_thread::sleep_for(100ms);
  }
  fixture.stream->stop();
  CHECK(std::chrono::steady_clock::now() - begin < 5s);
  fixture.stream->stop();
}

TEST_CASE("A collector that never says Welcome is given up after the timeout") {
  StreamFixture fixture;
  fixture.options.connect_timeout = 100ms;
  fixture.collector.set_hook([](const v1::AgentMessage&, Collected&, auto*) { return true; });
  fixture.start_collector();
  fixture.start_stream();
  REQUIRE(test::eventually([&] { return fixture.stream->state().error.find("no Welcome") != std::string::npos; }));
  CHECK(fixture.stream->state().sessions == 0);
}

TEST_CASE("A stream can be stopped while a collector reads nothing") {
  StreamFixture fixture;
  std::atomic<bool> reading = true;
  fixture.collector.set_hook([&](const v1::AgentMessage& message, Collected&, auto*) {
    while (message.has_batch() && reading) std::this_thread::sleep_for(1ms);
    return message.has_batch();
  });
  fixture.start_collector();
  fixture.start_stream();
  fixture.spool.append(20000, 5000);
  REQUIRE(test::eventually([&] { return fixture.stream->state().sent_batches > 2; }));
  const auto begin = std::chrono::steady_clock::now();
  fixture.stream->stop();
  CHECK(std::chrono::steady_clock::now() - begin < 6s);
  reading = false;
}

TEST_CASE("Plaintext leaves the host only when that is allowed") {
  StreamFixture fixture;
  fixture.options.collector = "collector.example.org:7400";
  const auto refused = stream::Stream::start(fixture.options, fixture.spool.spool());
  REQUIRE(absl::IsInvalidArgument(refused.status()));
  CHECK_THAT(std::string(refused.status().message()),
             Catch::Contains("collector.example.org:7400 is not on this host"));
  fixture.options.collector = "192.0.2.1:7400";
  fixture.options.allow_plaintext = true;
  fixture.start_stream();
  fixture.stream->stop();
}

TEST_CASE("Options that cannot work are refused") {
  StreamFixture fixture;
  fixture.options.collector = fixture.socket();
  SECTION("no host") {
    fixture.options.hello.clear_host_id();
  }
  SECTION("no boot") {
    fixture.options.hello.clear_boot_id();
  }
  SECTION("no window") {
    fixture.options.window_batches = 0;
  }
  SECTION("no interval") {
    fixture.options.health_interval = 0ms;
  }
  SECTION("backoff upside down") {
    fixture.options.last_backoff = 1ms;
  }
  CHECK(absl::IsInvalidArgument(stream::Stream::start(fixture.options, fixture.spool.spool()).status()));
}

TEST_CASE("Waits double from the first to the last and are spread by half") {
  stream::Backoff backoff(200ms, 15000ms, 7);
  std::vector<long long> waits;
  for (int i = 0; i < 12; ++i) waits.push_back(backoff.next().count());
  long long longest = 200;
  for (const long long wait : waits) {
    CHECK(wait >= longest / 2);
    CHECK(wait <= longest);
    longest = std::min(longest * 2, 15000ll);
  }
  CHECK(waits.back() >= 7500);
  backoff.reset();
  CHECK(backoff.next() <= 200ms);
  CHECK(stream::Backoff(200ms, 15000ms, 1).next() != stream::Backoff(200ms, 15000ms, 2).next());
}
