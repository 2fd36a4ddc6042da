// Alerts to a real web server, a process of its own that verifies the signature, and is killed in the middle.
#include <catch2/catch.hpp>
#include <fstream>
#include <set>
#include <thread>

#include "tests/e2e/sinks/peers.h"
#include "tests/e2e/sinks/receiver.h"
#include "tests/e2e/sinks/sender.h"
#include "tests/support/skip.h"

namespace bulkhead::test {

using namespace std::chrono_literals;

TEST_CASE("a web server is killed again and again, and has every alert, none twice") {
  NEEDS_PYTHON();
  const TempDir dir;
  Receiver receiver(dir);
  receiver.peer().start();
  Sender sender(dir, {settings_of("hook", receiver.target())});
  for (int round = 0; round < 3; ++round) {
    sender.send_range(round * 100 + 1, round * 100 + 50);
    receiver.peer().kill();
    sender.send_range(round * 100 + 51, round * 100 + 100);
    REQUIRE(eventually([&] { return sender.statistics("hook").waiting > 0; }));
    receiver.peer().start();
  }
  REQUIRE(sender.drained("hook"));
  check_received(receiver, 300);
  CHECK(sender.statistics("hook").dead_letters == 0);
}

TEST_CASE("a web server that is overloaded is asked again, and what it refuses is put aside") {
  NEEDS_PYTHON();
  const TempDir dir;
  Receiver receiver(dir, {"--busy", "3", "--refuse-uid", "alert-5"});
  receiver.peer().start();
  Sender sender(dir, {settings_of("hook", receiver.target())});
  sender.send_range(1, 10);
  REQUIRE(sender.drained("hook"));
  check_received(receiver, 9);
  CHECK(sender.statistics("hook").retries == 3);
  CHECK(sender.statistics("hook").dead_letters == 1);
  CHECK_THAT(sender.statistics("hook").problem, Catch::Contains("HTTP status 422"));
}

TEST_CASE("what a web server says at great length is taken for its answer, and not read to the end") {
  NEEDS_PYTHON();
  const TempDir dir;
  Receiver receiver(dir, {"--chatty", "3000000"});
  receiver.peer().start();
  Sender sender(dir, {settings_of("hook", receiver.target())});
  sender.send_range(1, 3);
  REQUIRE(sender.drained("hook"));
  check_received(receiver, 3);
  CHECK(sender.statistics("hook").retries == 0);
}

TEST_CASE("a web server with another key refuses every alert") {
  NEEDS_PYTHON();
  const TempDir dir;
  Receiver receiver(dir);
  receiver.peer().start();
  auto target = receiver.target();
  target.hmac_key_file = (dir.path() / "another.key").string();
  std::ofstream(target.hmac_key_file) << "another\n";
  Sender sender(dir, {settings_of("hook", target)});
  sender.send_range(1, 2);
  REQUIRE(sender.drained("hook"));
  CHECK(receiver.received().empty());
  CHECK(sender.statistics("hook").dead_letters == 2);
}

TEST_CASE("an HTTPS server is talked to only if its certificate is of the authority that is named") {
  NEEDS_PYTHON();
  const TempDir dir;
  make_certificates(dir.path());
  const auto path = [&](const char* name) { return (dir.path() / name).string(); };
  std::ofstream(path("both.pem")) << content_of(path("peer.key")) << content_of(path("peer.pem"));
  Receiver receiver(dir, {"--cert", path("both.pem")});
  receiver.peer().start();
  auto trusted = receiver.target(true);
  trusted.tls.ca_file = path("ca.pem");
  auto strange = trusted;
  strange.tls.ca_file = path("other-ca.pem");
  Sender sender(dir, {settings_of("trusted", trusted), settings_of("strange", strange)});
  sender.send_range(1, 5);
  REQUIRE(sender.drained("trusted"));
  check_received(receiver, 5);
  REQUIRE(eventually([&] { return sender.statistics("strange").retries > 0; }));
  CHECK(sender.statistics("strange").delivered == 0);
  CHECK_THAT(sender.statistics("strange").problem, Catch::Contains("certificate verify failed"));
}

TEST_CASE("sinks that are down, or never answer, delay neither another sink nor the stop") {
  NEEDS_PYTHON();
  const TempDir dir;
  Receiver silent(dir);
  silent.peer().start();
  silent.peer().pause();
  auto nobody = silent.target();
  nobody.url.port = free_port();
  const auto file = (dir.path() / "alerts.jsonl").string();
  Sender sender(dir, {settings_of("silent", silent.target()), settings_of("nobody", nobody),
                      settings_of("file", sinks::FileTarget{file})});
  sender.send_range(1, 200);
  const auto begin = std::chrono::steady_clock::now();
  CHECK(sender.drained("file"));
  CHECK(std::chrono::steady_clock::now() - begin < 2s);
  CHECK(uids_in(content_of(file)).size() == 200);
  REQUIRE(eventually([&] { return sender.statistics("nobody").retries > 0; }));
  CHECK_THAT(sender.statistics("nobody").problem, Catch::Contains("Connection refused"));
  CHECK(sender.statistics("nobody").waiting == 200);
  CHECK(sender.statistics("silent").waiting == 200);
  const auto stopping = std::chrono::steady_clock::now();
  sender.dispatcher().stop();
  CHECK(std::chrono::steady_clock::now() - stopping < 1500ms);
}

}  // namespace bulkhead::test
