// Alerts to a real Alertmanager, which keeps them in memory only, and is killed in the middle.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <set>
#include <thread>

#include "tests/e2e/sinks/peers.h"
#include "tests/e2e/sinks/sender.h"
#include "tests/support/skip.h"

namespace bulkhead::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

#define NEEDS_ALERTMANAGER()                                   \
  if (geteuid() != 0 || !find_peer("prometheus-alertmanager")) \
  BULKHEAD_SKIP("root and prometheus-alertmanager are needed; run scripts/install-deps peers")

class Alertmanager {
 public:
  explicit Alertmanager(const TempDir& dir) : port(free_port()) {
    const auto path = [&](const char* name) { return (dir.path() / name).string(); };
    std::ofstream(path("am.yml")) << "route: {receiver: none}\nreceivers: [{name: none}]\n";
    peer_ = std::make_unique<Peer>(
        with_its_share({*find_peer("prometheus-alertmanager"), "--config.file=" + path("am.yml"),
                        "--storage.path=" + path("am"),
                        "--cluster.listen-address=", "--web.listen-address=127.0.0.1:" + std::to_string(port)}),
        port, path("am.log"));
    peer_->start();
  }
  Peer& peer() { return *peer_; }

  // The alerts that fire.
  json active() const {
    const auto alerts = json::parse(http_get(port, "/api/v2/alerts?active=true"), nullptr, false);
    return alerts.is_array() ? alerts : json::array();
  }

  const std::uint16_t port;

 private:
  std::unique_ptr<Peer> peer_;
};

sinks::SinkSettings settings_of(const Alertmanager& alertmanager) {
  sinks::AlertmanagerTarget target;
  target.url = *sinks::parse_url("http://127.0.0.1:" + std::to_string(alertmanager.port));
  target.timeout = 3s;
  target.resend = 500ms;
  target.expire = 3s;
  return test::settings_of("am", target);
}

// Labels are the identity, so each is of a host of its own.
v1::Alert alert_of(int number, std::uint64_t count = 1) {
  v1::Alert alert = alert_with("alert-" + std::to_string(number), count);
  alert.set_hostname("hv" + std::to_string(number));
  return alert;
}

}  // namespace

TEST_CASE("Alertmanager is killed, forgets all, and has every alert again once it is back") {
  NEEDS_ALERTMANAGER();
  const TempDir dir;
  Alertmanager alertmanager(dir);
  Sender sender(dir, {settings_of(alertmanager)});
  for (int i = 1; i <= 100; ++i) {
    sender.send(alert_of(i));
    if (i == 50) REQUIRE(sender.drained("am"));
    if (i == 60) alertmanager.peer().kill();
  }
  REQUIRE(eventually([&] { return sender.statistics("am").retries > 0; }));
  alertmanager.peer().start();
  REQUIRE(sender.drained("am"));
  REQUIRE(eventually([&] { return alertmanager.active().size() == 100; }));
  // Longer than they live without being posted again.
  std::this_thread::sleep_for(4s);
  CHECK(alertmanager.active().size() == 100);
  std::set<std::string> hosts;
  for (const auto& alert : alertmanager.active()) hosts.insert(alert["labels"]["host"]);
  CHECK(hosts.size() == 100);
}

TEST_CASE("Alertmanager is told labels, words, growth and the end of an alert") {
  NEEDS_ALERTMANAGER();
  const TempDir dir;
  Alertmanager alertmanager(dir);
  {
    Sender sender(dir, {settings_of(alertmanager)});
    sender.send(alert_of(1));
    sender.send(alert_of(2));
    REQUIRE(sender.drained("am"));
    REQUIRE(eventually([&] { return alertmanager.active().size() == 2; }));
  }
  // It is another process that goes on: what is open it has from the store.
  Sender sender(dir, {settings_of(alertmanager)});
  v1::Alert grown = alert_of(1, 16);
  // Of other labels, since the severity is one.
  grown.mutable_rule()->set_severity(v1::SEVERITY_FATAL);
  sender.send(grown, store::Activity::kUpdate);
  sender.send(alert_of(2), store::Activity::kClose);
  REQUIRE(sender.drained("am"));
  REQUIRE(eventually([&] { return alertmanager.active().size() == 1; }));
  const json alert = alertmanager.active().at(0);
  CHECK(alert["labels"] == json{{"alertname", "MEM-01"},
                                {"severity", "fatal"},
                                {"host", "hv1"},
                                {"actor_tenant", "host"},
                                {"object_tenant", "tenant-b"}});
  CHECK(alert["annotations"] ==
        json{{"message", "gdb read memory of domain web"}, {"uid", "alert-1"}, {"count", "16"}});
  CHECK(alert["startsAt"] == "2026-01-01T00:00:01.000Z");
  std::this_thread::sleep_for(1500ms);
  CHECK(alertmanager.active().size() == 1);
}

TEST_CASE("what Alertmanager refuses goes to the dead letters alone, not with what came with it") {
  NEEDS_ALERTMANAGER();
  const TempDir dir;
  Alertmanager alertmanager(dir);
  alertmanager.peer().pause();
  Sender sender(dir, {settings_of(alertmanager)});
  sender.send(alert_of(1));
  v1::Alert bad = alert_of(2);
  // Of a year that its time format cannot write.
  bad.mutable_first_time()->set_seconds(-70'000'000'000);
  sender.send(bad);
  sender.send(alert_of(3));
  alertmanager.peer().kill();
  alertmanager.peer().start();
  REQUIRE(sender.drained("am"));
  CHECK(eventually([&] { return alertmanager.active().size() == 2; }));
  CHECK(sender.statistics("am").dead_letters == 1);
  CHECK_THAT(sender.statistics("am").problem, Catch::Contains("HTTP status 4"));
}

TEST_CASE("alerts wait while the url is none of Alertmanager's") {
  NEEDS_ALERTMANAGER();
  const TempDir dir;
  Alertmanager alertmanager(dir);
  auto settings = settings_of(alertmanager);
  std::get<sinks::AlertmanagerTarget>(settings.target).url.target = "/elsewhere";
  {
    Sender sender(dir, {settings});
    sender.send(alert_of(1));
    REQUIRE(eventually([&] { return sender.statistics("am").retries > 0; }));
    CHECK_THAT(sender.statistics("am").problem, Catch::Contains("HTTP status 404, check the url"));
    CHECK(sender.statistics("am").waiting == 1);
  }
  Sender sender(dir, {settings_of(alertmanager)});
  REQUIRE(sender.drained("am"));
  CHECK(eventually([&] { return alertmanager.active().size() == 1; }));
}

}  // namespace bulkhead::test
