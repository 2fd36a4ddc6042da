// Every breach that the demo stages is flagged, and no twin is: against the real kernel, libvirt, agent and collector.
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "tests/support/skip.h"
#include "tests/support/stage/acts.h"
#include "tests/support/stage/alert_stream.h"
#include "tests/support/stage/cast.h"

namespace bulkhead::stage {
namespace {

constexpr Milliseconds kAlertTimeout(15'000);
// A breach that every kernel shows: what was done before it has come through when it is flagged.
constexpr char kWitness[] = "host-reads-memory-again";

struct Deed {
  const Act* act;
  pid_t actor;
};

std::string log_of(const Cast& cast, const std::string& name) {
  std::ifstream log(cast.directory() / (name + ".log"));
  return absl::StrCat(name, "'s log:\n", std::string(std::istreambuf_iterator<char>(log), {}));
}

// Commits the act and then the witness. Each, if it is a breach, must be flagged, and nothing else may be.
void only_breaches_are_flagged(const std::string& name) {
  if (geteuid() != 0) BULKHEAD_SKIP("needs root");
  if (const auto image = find_guest_image(); !image.ok()) BULKHEAD_SKIP(std::string(image.status().message()));
  auto assembled = Cast::assemble([](const std::string&) {});
  REQUIRE(assembled.status() == absl::OkStatus());
  const auto cast = std::move(*assembled);
  AlertStream alerts(cast->collector.process());

  std::vector<Deed> deeds;
  for (const Act* played : {&act(name), &act(kWitness)}) {
    if (played->needs_guests) REQUIRE(cast->wait_for_guests() == absl::OkStatus());
    const auto actor = played->commit(*cast);
    REQUIRE(actor.status() == absl::OkStatus());
    deeds.push_back({played, *actor});
    if (!played->is_breach()) continue;
    const auto flagged = alerts.wait_for([&](const Alert& a) { return played->flagged_by(a, *actor); }, kAlertTimeout);
    INFO(played->title);
    INFO(log_of(*cast, "agent"));
    INFO(log_of(*cast, "collector"));
    REQUIRE(flagged.status() == absl::OkStatus());
  }
  for (const Alert& alert : alerts.seen()) {
    INFO(alert.json);
    CHECK(std::any_of(deeds.begin(), deeds.end(),
                      [&](const Deed& deed) { return deed.act->explains(alert, deed.actor); }));
  }
}

TEST_CASE("two guests of one tenant that talk to each other are not flagged", "[NET-03][twin]") {
  only_breaches_are_flagged("acme-talks-to-itself");
}

TEST_CASE("a tenant's own volume, hot-plugged by libvirt and read by its guest, is not flagged", "[DISK-01][twin]") {
  only_breaches_are_flagged("libvirt-plugs-own-volume");
}

TEST_CASE("a domain that libvirt stops and starts again is not flagged",
          "[MEM-01][MEM-02][MEM-03][DISK-01][NET-03][twin]") {
  only_breaches_are_flagged("libvirt-restarts-domain");
}

TEST_CASE("reading the memory of a process of no domain is not flagged", "[MEM-01][twin]") {
  only_breaches_are_flagged("host-reads-own-process");
}

TEST_CASE("opening a file of no tenant is not flagged", "[DISK-01][twin]") {
  only_breaches_are_flagged("host-opens-own-file");
}

TEST_CASE("reading a guest's memory by process_vm_readv is flagged", "[MEM-01]") {
  only_breaches_are_flagged("host-reads-memory");
}

TEST_CASE("tracing a VMM is flagged", "[MEM-02]") {
  only_breaches_are_flagged("host-traces-vmm");
}

TEST_CASE("reading a guest's memory through its proc file is flagged", "[MEM-03]") {
  only_breaches_are_flagged("host-reads-proc-mem");
}

TEST_CASE("a host process that opens a volume by its path is flagged", "[DISK-01]") {
  only_breaches_are_flagged("host-opens-volume");
}

TEST_CASE("a host process that opens a volume through a hard link is flagged", "[DISK-01]") {
  only_breaches_are_flagged("host-opens-hard-link");
}

TEST_CASE("a host process that opens a volume by io_uring is flagged", "[DISK-01]") {
  only_breaches_are_flagged("host-opens-by-io-uring");
}

TEST_CASE("a volume attached to another tenant's domain is flagged when its VMM opens it", "[DISK-01]") {
  only_breaches_are_flagged("globex-gets-vault");
}

TEST_CASE("frames from one tenant's guest to another's are flagged", "[NET-03]") {
  only_breaches_are_flagged("globex-reaches-acme");
}

}  // namespace
}  // namespace bulkhead::stage
