// Alerts to a real rsyslog, over TCP and TLS, that is killed in the middle.
#include <catch2/catch.hpp>
#include <fstream>
#include <regex>
#include <set>
#include <thread>

#include "tests/e2e/sinks/peers.h"
#include "tests/e2e/sinks/sender.h"
#include "tests/support/skip.h"

namespace bulkhead::test {
namespace {

using namespace std::chrono_literals;

#define NEEDS_RSYSLOG() \
  if (!find_peer("rsyslogd")) BULKHEAD_SKIP("there is no rsyslogd; run scripts/install-deps peers")

class Rsyslog {
 public:
  explicit Rsyslog(const TempDir& dir, bool tls = false) : dir_(dir.path()), port(free_port()), tls_(tls) {
    std::ofstream(dir_ / "rsyslog.conf") << configuration();
    peer_ = std::make_unique<Peer>(
        std::vector<std::string>{*find_peer("rsyslogd"), "-n", "-f", path("rsyslog.conf"), "-i", path("rsyslog.pid"),
                                 "-M", peer_file("usr/lib/x86_64-linux-gnu/rsyslog")},
        port, path("rsyslog.log"));
    peer_->start();
  }

  Peer& peer() { return *peer_; }
  // What it wrote, a message each.
  std::vector<std::string> lines() const {
    std::vector<std::string> lines;
    std::istringstream text(content_of(dir_ / "alerts.log"));
    for (std::string line; std::getline(text, line);) lines.push_back(line);
    return lines;
  }
  // By delivery id; the uid of each.
  std::map<std::string, std::string> received() const {
    static const std::regex kElement(R"re(\[bulkhead@32473 id="([0-9a-f]{32})" uid="([^"]*)")re");
    std::map<std::string, std::string> received;
    for (const auto& line : lines()) {
      std::smatch found;
      // A line that was being written when it was killed is cut; the message comes again.
      if (std::regex_search(line, found, kElement) && line.ends_with('}')) received[found[1]] = found[2];
    }
    return received;
  }

 private:
  std::string path(const std::string& name) const { return (dir_ / name).string(); }
  std::string configuration() const {
    std::string text = "global(workDirectory=\"" + dir_.string() + "\" maxMessageSize=\"256k\"";
    if (tls_) {
      text += " defaultNetstreamDriverCAFile=\"" + path("ca.pem") + "\" defaultNetstreamDriverCertFile=\"" +
              path("peer.pem") + "\" defaultNetstreamDriverKeyFile=\"" + path("peer.key") + "\"";
    }
    text += ")\nmodule(load=\"imtcp\"";
    if (tls_) text += " streamDriver.name=\"ossl\" streamDriver.mode=\"1\" streamDriver.authMode=\"x509/certvalid\"";
    text += ")\ninput(type=\"imtcp\" address=\"127.0.0.1\" port=\"" + std::to_string(port) + "\")\n";
    text += "template(name=\"raw\" type=\"string\" string=\"%rawmsg%\\n\")\n";
    text += "if $app-name == 'bulkhead-collector' then action(type=\"omfile\" template=\"raw\" file=\"" +
            path("alerts.log") + "\")\n";
    return text;
  }

  const std::filesystem::path dir_;

 public:
  const std::uint16_t port;

 private:
  const bool tls_;
  std::unique_ptr<Peer> peer_;
};

sinks::SyslogTarget target_of(const Rsyslog& rsyslog) {
  sinks::SyslogTarget target;
  target.host = "127.0.0.1";
  target.port = rsyslog.port;
  target.timeout = 3s;
  return target;
}

sinks::TlsSettings certificates(const TempDir& dir) {
  return {.verify = true,
          .ca_file = (dir.path() / "ca.pem").string(),
          .cert_file = (dir.path() / "client.pem").string(),
          .key_file = (dir.path() / "client.key").string(),
          .server_name = ""};
}

// Sends, kills the peer while it holds what it has not read, and brings it back.
void kill_in_the_middle(Sender& sender, Rsyslog& rsyslog) {
  sender.send_range(1, 100);
  REQUIRE(sender.drained("syslog"));
  // Its kernel takes these; it never reads them.
  rsyslog.peer().pause();
  sender.send_range(101, 150);
  std::this_thread::sleep_for(300ms);
  rsyslog.peer().kill();
  sender.send_range(151, 300);
  REQUIRE(eventually([&] { return sender.statistics("syslog").retries > 0; }));
  CHECK(sender.statistics("syslog").problem != "");
  rsyslog.peer().start();
  REQUIRE(sender.drained("syslog"));
}

void check_all_arrived(const Rsyslog& rsyslog, std::size_t count) {
  REQUIRE(eventually([&] { return rsyslog.received().size() >= count; }));
  std::set<std::string> uids;
  for (const auto& [id, uid] : rsyslog.received()) uids.insert(uid);
  // As many ids as alerts: none came twice under another id.
  CHECK(rsyslog.received().size() == count);
  CHECK(uids.size() == count);
}

}  // namespace

TEST_CASE("rsyslog over TCP is killed with alerts in its buffer, and every alert arrives") {
  NEEDS_RSYSLOG();
  const TempDir dir;
  Rsyslog rsyslog(dir);
  Sender sender(dir, {settings_of("syslog", target_of(rsyslog))});
  kill_in_the_middle(sender, rsyslog);
  check_all_arrived(rsyslog, 300);
}

TEST_CASE("rsyslog over TLS, with certificates on both sides, is killed and every alert arrives") {
  NEEDS_RSYSLOG();
  const TempDir dir;
  make_certificates(dir.path());
  Rsyslog rsyslog(dir, true);
  auto target = target_of(rsyslog);
  target.tls = certificates(dir);
  Sender sender(dir, {settings_of("syslog", target)});
  kill_in_the_middle(sender, rsyslog);
  check_all_arrived(rsyslog, 300);
}

TEST_CASE("a syslog server whose certificate is of another authority or for another name gets nothing") {
  NEEDS_RSYSLOG();
  const TempDir dir;
  make_certificates(dir.path());
  Rsyslog rsyslog(dir, true);
  auto stranger = target_of(rsyslog);
  stranger.tls = certificates(dir);
  stranger.tls->ca_file = (dir.path() / "other-ca.pem").string();
  auto misnamed = target_of(rsyslog);
  misnamed.tls = certificates(dir);
  misnamed.tls->server_name = "siem.test";
  auto named = target_of(rsyslog);
  named.tls = certificates(dir);
  named.tls->server_name = "syslog.test";
  Sender sender(dir,
                {settings_of("stranger", stranger), settings_of("misnamed", misnamed), settings_of("named", named)});
  sender.send_range(1, 3);
  REQUIRE(sender.drained("named"));
  REQUIRE(eventually(
      [&] { return sender.statistics("stranger").retries >= 2 && sender.statistics("misnamed").retries >= 2; }));
  CHECK_THAT(sender.statistics("stranger").problem, Catch::Contains("certificate verify failed ("));
  CHECK_THAT(sender.statistics("misnamed").problem, Catch::Contains("wanted a certificate for siem.test"));
  CHECK(sender.statistics("stranger").waiting == 3);
  CHECK(sender.statistics("misnamed").waiting == 3);
  check_all_arrived(rsyslog, 3);
  CHECK(rsyslog.lines().size() == 3);
}

TEST_CASE(
    "a syslog server gets large messages and CEF whole, line breaks do not tear them, too large ones are put aside") {
  NEEDS_RSYSLOG();
  const TempDir dir;
  Rsyslog rsyslog(dir);
  auto cef = target_of(rsyslog);
  cef.cef = true;
  Sender sender(dir, {settings_of("ocsf", target_of(rsyslog)), settings_of("cef", cef)});
  v1::Alert large = alert_with("large");
  large.set_message(std::string(190000, 'm') + "\n<13>1 - - forged - - - x");
  sender.send(large);
  // rsyslog takes no frame of 200,000 bytes or more, and loses its place in the stream.
  v1::Alert too_large = alert_with("too-large");
  too_large.set_message(std::string(199000, 'm'));
  sender.send(too_large);
  sender.send(alert_with("small"));
  for (const char* name : {"ocsf", "cef"}) {
    REQUIRE(sender.drained(name));
    CHECK(sender.statistics(name).dead_letters == 1);
    CHECK(sender.statistics(name).delivered == 2);
  }
  REQUIRE(eventually([&] { return rsyslog.lines().size() == 4; }));
  std::map<std::string, int> kinds;
  for (const auto& line : rsyslog.lines()) {
    const bool whole = line.find("uid=\"large\"") == std::string::npos || line.size() > 190000;
    CHECK(whole);
    ++kinds[line.find("] CEF:0|Bulkhead|") != std::string::npos ? "cef" : line.ends_with('}') ? "ocsf" : "torn"];
  }
  CHECK(kinds == std::map<std::string, int>{{"cef", 2}, {"ocsf", 2}});
}

}  // namespace bulkhead::test
