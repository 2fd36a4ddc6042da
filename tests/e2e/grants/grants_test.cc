// The customer's authorisation, on real domains: the provider's operators read a customer's memory and volume, and
// Bulkhead says each time whether they were allowed to.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/support/skip.h"
#include "tests/support/stage/alert_stream.h"
#include "tests/support/stage/cast.h"
#include "tests/support/stage/guest_image.h"

namespace bulkhead::stage {
namespace {

constexpr Milliseconds kPatience(20'000);
// Two of the provider's people, as user ids that nobody else has.
constexpr int kKim = 61001;
constexpr int kLee = 61002;

class Desk {
 public:
  explicit Desk(Cast& cast) : cast_(cast), alerts_(cast.collector.process()) {}

  // As that person, with what an operator's tools have: they may read other processes and files. Its pid.
  pid_t act_as(int uid, const std::vector<std::string>& words) {
    constexpr char kCapabilities[] = "+sys_ptrace,+dac_read_search";
    std::vector<std::string> all = {"/usr/bin/setpriv",
                                    absl::StrCat("--reuid=", uid),
                                    absl::StrCat("--regid=", uid),
                                    "--clear-groups",
                                    absl::StrCat("--inh-caps=", kCapabilities),
                                    absl::StrCat("--ambient-caps=", kCapabilities),
                                    absl::StrCat(program_directory(), "/subjects/", words[0])};
    all.insert(all.end(), words.begin() + 1, words.end());
    auto actor = ChildProcess::start({.words = all, .stderr_file = "", .namespaces = {}});
    REQUIRE(actor.status() == absl::OkStatus());
    const pid_t pid = actor->pid();
    const auto status = actor->wait(kPatience);
    REQUIRE(status.status() == absl::OkStatus());
    REQUIRE(*status == 0);
    return pid;
  }
  pid_t read_memory(int uid, Domain& domain) {
    const auto vmm = domain.vmm_pid();
    REQUIRE(vmm.status() == absl::OkStatus());
    return act_as(uid, {"memory_reader", std::to_string(*vmm), "largest", "4096"});
  }
  pid_t read_volume(int uid, const Domain& domain) {
    return act_as(uid, {"file_opener", "--read=4096", "openat", domain.plan().disks[0].image});
  }

  std::string ask(std::vector<std::string> words) {
    const auto answer = cast_.collector.ask(std::move(words));
    REQUIRE(answer.status() == absl::OkStatus());
    return *answer;
  }
  // For Kim to read memory and volumes of acme-1.
  std::string grant(const std::string& span) {
    const std::string answer =
        ask({"grants",      "create",      "--tenant",    kAcme,         "--domain",   "acme-1",
             "--operation", "memory-read", "--operation", "volume-read", "--uid",      std::to_string(kKim),
             "--for",       span,          "--ticket",    "ACME-17",     "--approver", "ann@acme.example",
             "--why",       "a dump"});
    return answer.substr(0, answer.find(':'));
  }

  Alert alert_of(pid_t actor) {
    const auto alert = alerts_.wait_for([&](const Alert& one) { return one.actor_pid == actor; }, kPatience);
    INFO("no alert about pid " << actor);
    REQUIRE(alert.status() == absl::OkStatus());
    return *alert;
  }
  // Once the access of that process is on record as authorised by this grant.
  void await_record(const std::string& id, pid_t actor) {
    const std::string pid = absl::StrCat("\"pid\":", actor, ",");
    for (int i = 0; i < 100; ++i) {
      const std::string records = ask({"alerts", "--grant", id, "--state", "authorised", "--format", "json"});
      if (absl::StrContains(records, pid)) return;
      usleep(100'000);
    }
    FAIL("the access of pid " << actor << " was not recorded under " << id);
  }
  bool told_of(pid_t actor) const {
    for (const Alert& alert : alerts_.seen()) {
      if (absl::StrContains(alert.json, absl::StrCat("\"pid\":", actor, ","))) return true;
    }
    return false;
  }

 private:
  Cast& cast_;
  AlertStream alerts_;
};

}  // namespace

TEST_CASE("an operator's access to a customer is an alert, or authorised, or exceeds the authorisation and says how",
          "[MEM-01][DISK-01]") {
  if (geteuid() != 0) BULKHEAD_SKIP("needs root");
  if (const auto image = find_guest_image(); !image.ok()) BULKHEAD_SKIP(std::string(image.status().message()));
  auto assembled = Cast::assemble([](const std::string&) {});
  REQUIRE(assembled.status() == absl::OkStatus());
  const auto cast = std::move(*assembled);
  Desk desk(*cast);
  using Catch::Contains;

  // Without authorisation.
  CHECK(desk.alert_of(desk.read_memory(kKim, *cast->acme_1)).rule == "MEM-01");
  CHECK(desk.alert_of(desk.read_volume(kKim, *cast->acme_1)).rule == "DISK-01");

  // With it.
  const std::string id = desk.grant("1h");
  const pid_t read = desk.read_memory(kKim, *cast->acme_1);
  const pid_t opened = desk.read_volume(kKim, *cast->acme_1);
  desk.await_record(id, read);
  desk.await_record(id, opened);

  // On another VM of that customer.
  const Alert out_of_scope = desk.alert_of(desk.read_memory(kKim, *cast->acme_2));
  CHECK_THAT(out_of_scope.message, Contains(id) && Contains("domain acme-2 is out of its scope"));
  CHECK_THAT(desk.alert_of(desk.read_volume(kKim, *cast->acme_2)).message,
             Contains("domain acme-2 is out of its scope"));

  // By another person.
  const Alert other_person = desk.alert_of(desk.read_memory(kLee, *cast->acme_1));
  CHECK_THAT(other_person.message, Contains(id) && Contains(absl::StrCat("it is for uid ", kKim)));

  // Another customer's: the grant says nothing of it.
  CHECK_THAT(desk.alert_of(desk.read_memory(kKim, *cast->globex_1)).message, !Contains("grant"));

  // After it ended; and a grant that ends by itself.
  desk.ask({"grants", "revoke", id, "--why", "done"});
  CHECK_THAT(desk.alert_of(desk.read_memory(kKim, *cast->acme_1)).message,
             Contains(id) && Contains("it was revoked at"));
  const std::string brief = desk.grant("2s");
  usleep(2'200'000);
  const Alert expired = desk.alert_of(desk.read_volume(kKim, *cast->acme_1));
  CHECK_THAT(expired.message, Contains(brief) && Contains("it expired at"));

  CHECK_FALSE(desk.told_of(read));
  CHECK_FALSE(desk.told_of(opened));
  // The memory, the volume, and once or twice how much of it was read.
  CHECK_THAT(desk.ask({"grants", "show", id}), Contains("revoked, used 2 times") || Contains("revoked, used 3 times") ||
                                                   Contains("revoked, used 4 times"));
  CHECK(cast->leave() == absl::OkStatus());
}

}  // namespace bulkhead::stage
