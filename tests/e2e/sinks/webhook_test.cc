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

TEST_CASE("a web server that has another key is asked again until it has the right one") {
  NEEDS_PYTHON();
  const TempDir dir;
  Receiver receiver(dir);
  receiver.peer().start();
  auto target = receiver.target();
  target.hmac_key_file = (dir.path() / "another.key").string();
  std::ofstream(target.hmac_key_file) << "another\n";
  Sender sender(dir, {settings_of("hook", target)});
  sender.send_range(1, 2);
  REQUIRE(eventually([&] { return sender.statistics("hook").retries >= 2; }));
  CHECK_THAT(sender.statistics("hook").problem, Catch::Contains("HTTP status 401, check the credentials"));
  CHECK_FALSE(sender.statistics("hook").connected);
  CHECK(sender.statistics("hook").waiting == 2);
  receiver.peer().kill();
  receiver.set_key("another");
  receiver.peer().start();
  REQUIRE(sender.drained("hook"));
  check_received(receiver, 2);
  CHECK(sender.statistics("hook").dead_letters == 0);
  CHECK(eventually([&] { return sender.dispatcher().problems().empty(); }));
}

TEST_CASE("alerts wait, and none is given up, while an answer says that the web server or its configuration is wrong") {
  NEEDS_PYTHON();
  const TempDir dir;
  Receiver receiver(dir);
  receiver.peer().start();
  Sender sender(dir, {settings_of("hook", receiver.target())});
  int sent = 0;
  for (const char* status : {"401", "403", "404", "405", "407", "408", "425", "429", "500", "503"}) {
    INFO(status);
    receiver.answer_with(status);
    ++sent;
    sender.send_range(sent, sent);
    REQUIRE(eventually([&] {
      return sender.statistics("hook").problem.find(std::string("HTTP status ") + status) != std::string::npos;
    }));
    CHECK(sender.dispatcher().problems().size() == 1);
    CHECK(sender.statistics("hook").waiting == 1);
    receiver.answer_with("");
    REQUIRE(sender.drained("hook"));
  }
  check_received(receiver, static_cast<std::size_t>(sent));
  CHECK(sender.statistics("hook").dead_letters == 0);
}

TEST_CASE("a web server that asks for a pause is not asked before it is over") {
  NEEDS_PYTHON();
  const TempDir dir;
  Receiver receiver(dir);
  receiver.answer_with("429 2");
  receiver.peer().start();
  Sender sender(dir, {settings_of("hook", receiver.target())});
  sender.send_range(1, 1);
  REQUIRE(eventually([&] { return sender.statistics("hook").retries == 1; }));
  const auto begin = std::chrono::steady_clock::now();
  receiver.answer_with("");
  REQUIRE(sender.drained("hook"));
  // The pause began a little before it was seen; without one the next attempt is due within 50 ms.
  CHECK(std::chrono::steady_clock::now() - begin > 1500ms);
  CHECK(sender.statistics("hook").retries == 1);
  check_received(receiver, 1);
}

TEST_CASE("what a web server refused is sent again once it is mended, and arrives once") {
  NEEDS_PYTHON();
  const TempDir dir;
  Receiver receiver(dir);
  receiver.answer_with("400");
  receiver.peer().start();
  v1::DeadLetterChange change;
  change.set_sink("hook");
  change.set_action(v1::DEAD_LETTER_ACTION_RESEND);
  Sender sender(dir, {settings_of("hook", receiver.target())});
  sender.send_range(1, 300);
  REQUIRE(eventually([&] { return sender.statistics("hook").dead_letters == 300; }));
  CHECK(receiver.received().empty());
  // Still not mended: each is a dead letter once more.
  REQUIRE(sender.outbox().change_dead_letters(change, [] { return true; }).ok());
  REQUIRE(eventually([&] { return sender.statistics("hook").dead_letters == 600; }));
  CHECK(sender.statistics("hook").dead_letters_kept == 300);
  receiver.answer_with("");
  sender.send_range(301, 301);
  REQUIRE(sender.outbox().change_dead_letters(change, [] { return true; }).ok());
  REQUIRE(sender.drained("hook"));
  check_received(receiver, 301);
  CHECK(sender.statistics("hook").dead_letters_kept == 0);
  CHECK(eventually([&] { return sender.dispatcher().problems().empty(); }));
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
