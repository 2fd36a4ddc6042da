#include "tests/support/stage/acts.h"

#include <cstdlib>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace bulkhead::stage {
namespace {

constexpr Milliseconds kActTimeout(20'000);
constexpr Milliseconds kGuestTimeout(60'000);

// Runs a subject to its end; it must have done its act.
absl::StatusOr<pid_t> play(std::vector<std::string> words) {
  words[0] = absl::StrCat(program_directory(), "/subjects/", words[0]);
  auto subject = ChildProcess::start({words, "", {}});
  if (!subject.ok()) return subject.status();
  subject->close_stdin();
  const auto said = subject->read_line(kActTimeout);
  const auto status = subject->wait(kActTimeout);
  if (!status.ok()) return status.status();
  if (*status != 0) return absl::FailedPreconditionError(said.ok() ? *said : words[0]);
  return subject->pid();
}

absl::StatusOr<pid_t> play_on_vmm(const Domain& domain, std::vector<std::string> words) {
  const auto vmm = domain.vmm_pid();
  if (!vmm.ok()) return vmm.status();
  for (std::string& word : words)
    if (word == "VMM") word = std::to_string(*vmm);
  return play(std::move(words));
}

absl::Status guest_does(Domain& domain, const std::string& order) {
  const auto outcome = domain.console().run(order, kGuestTimeout);
  if (!outcome.ok()) return outcome.status();
  if (outcome->exit_status == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("in ", domain.plan().name, " '", order, "' ended with ",
                                                    outcome->exit_status, ": ", outcome->output));
}

std::string volume_of(const Domain& domain) {
  return domain.plan().disks[0].image;
}

std::string wait_and_read(const std::string& device) {
  return absl::StrCat("n=0; until [ -b ", device,
                      " ] || [ $n -ge 100 ]; do usleep 100000; n=$((n+1)); done; dd if=", device,
                      " of=/dev/null bs=4096 count=16");
}

absl::StatusOr<pid_t> host_reads_memory(Cast& cast) {
  return play_on_vmm(*cast.acme_1, {"memory_reader", "VMM", "largest", "4096"});
}

absl::StatusOr<pid_t> host_reads_own_process(Cast&) {
  auto victim = ChildProcess::start({{absl::StrCat(program_directory(), "/subjects/victim")}, "", {}});
  if (!victim.ok()) return victim.status();
  if (const auto ready = victim->read_line(kActTimeout); !ready.ok()) return ready.status();
  return play({"memory_reader", std::to_string(victim->pid()), "largest", "4096"});
}

absl::StatusOr<pid_t> host_traces_vmm(Cast& cast) {
  return play_on_vmm(*cast.acme_1, {"ptrace_attacher", "peek", "VMM", "largest"});
}

absl::StatusOr<pid_t> host_reads_proc_mem(Cast& cast) {
  return play_on_vmm(*cast.acme_1, {"proc_mem_reader", "VMM", "largest", "4096"});
}

absl::StatusOr<pid_t> host_opens_volume(Cast& cast) {
  return play({"file_opener", "--read=4096", "openat", volume_of(*cast.acme_1)});
}

absl::StatusOr<pid_t> host_opens_hard_link(Cast& cast) {
  return play({"file_opener", "--read=4096", "hard-link", volume_of(*cast.acme_2), cast.directory() / "innocent.log"});
}

absl::StatusOr<pid_t> host_opens_by_io_uring(Cast& cast) {
  return play({"io_uring_opener", "--read=4096", volume_of(*cast.acme_1)});
}

absl::StatusOr<pid_t> host_opens_own_file(Cast& cast) {
  const auto file = cast.directory() / "nobodys.raw";
  std::ofstream(file) << std::string(8192, 'n');
  auto actor = play({"file_opener", "--read=4096", "openat", file});
  return actor.ok() ? play({"io_uring_opener", "--read=4096", file}) : actor;
}

absl::StatusOr<pid_t> libvirt_plugs_own_volume(Cast& cast) {
  const Disk disk{cast.directory() / "acme-more.qcow2", "qcow2", "vdb"};
  auto status = make_image(disk.image, disk.format, 16);
  if (status.ok()) status = cast.acme_1->attach(disk);
  if (status.ok()) status = guest_does(*cast.acme_1, wait_and_read("/dev/vdb"));
  if (!status.ok()) return status;
  return 0;
}

// libvirt itself opens the volume, which is known to be acme's by now.
absl::StatusOr<pid_t> libvirt_restarts_domain(Cast& cast) {
  auto status = cast.acme_2->destroy();
  if (status.ok()) status = cast.acme_2->start();
  if (!status.ok()) return status;
  return 0;
}

absl::StatusOr<pid_t> globex_gets_vault(Cast& cast) {
  const Disk stolen{volume_of(*cast.acme_vault), "raw", "vdb"};
  auto status = cast.globex_1->attach(stolen);
  if (status.ok()) status = guest_does(*cast.globex_1, wait_and_read("/dev/vdb"));
  if (!status.ok()) return status;
  return cast.globex_1->vmm_pid();
}

absl::StatusOr<pid_t> acme_talks_to_itself(Cast& cast) {
  const auto status = guest_does(*cast.acme_1, absl::StrCat("ping -c 3 -W 5 ", kAcme2Address));
  if (!status.ok()) return status;
  return 0;
}

absl::StatusOr<pid_t> globex_reaches_acme(Cast& cast) {
  const std::string& port = cast.globex_1->plan().ports[0].device;
  auto status = cast.libvirt.plug(port, kAcmeBridge);
  if (status.ok()) status = guest_does(*cast.globex_1, absl::StrCat("ping -c 3 -W 5 ", kAcme1Address));
  const auto back = cast.libvirt.plug(port, kGlobexBridge);
  if (!status.ok() || !back.ok()) return status.ok() ? back : status;
  return 0;
}

absl::StatusOr<pid_t> host_reads_memory_again(Cast& cast) {
  return play_on_vmm(*cast.globex_1, {"memory_reader", "VMM", "largest", "4096"});
}

constexpr char kHost[] = "host";
constexpr const char* kTwin = nullptr;

constexpr Act kActs[] = {
    {"acme-talks-to-itself", "twin: acme-1 pings acme-2, of the same tenant", kTwin, kAcme, kAcme, "", true,
     acme_talks_to_itself},
    {"libvirt-plugs-own-volume", "twin: libvirt hot-plugs acme's own new volume into acme-1, which reads it", kTwin,
     kAcme, kAcme, "", true, libvirt_plugs_own_volume},
    {"libvirt-restarts-domain", "twin: libvirt stops acme-2 and starts it again, opening its volume", kTwin, kAcme,
     kAcme, "", false, libvirt_restarts_domain},
    {"host-reads-own-process", "twin: a host process reads the memory of a process of no domain", kTwin, kHost, kHost,
     "", false, host_reads_own_process},
    {"host-opens-own-file", "twin: a host process opens a file of no tenant, also by io_uring", kTwin, kHost, kHost, "",
     false, host_opens_own_file},
    {"host-reads-memory", "a host process reads acme-1's memory by process_vm_readv", "MEM-01", kHost, kAcme, "", false,
     host_reads_memory},
    {"host-traces-vmm", "a host process attaches to acme-1's VMM as a debugger and peeks", "MEM-02", kHost, kAcme, "",
     false, host_traces_vmm},
    {"host-reads-proc-mem", "a host process reads acme-1's memory through /proc/<pid>/mem", "MEM-03", kHost, kAcme, "",
     false, host_reads_proc_mem},
    {"host-opens-volume", "a host process reads acme-1's volume by its path", "DISK-01", kHost, kAcme, "acme-1.qcow2",
     false, host_opens_volume},
    {"host-opens-hard-link", "a host process reads acme-2's volume through a hard link of another name", "DISK-01",
     kHost, kAcme, "acme-2.qcow2", false, host_opens_hard_link},
    {"host-opens-by-io-uring", "a host process reads acme-1's volume, opened by io_uring", "DISK-01", kHost, kAcme,
     "acme-1.qcow2", false, host_opens_by_io_uring},
    {"globex-gets-vault", "acme-vault's volume is attached to globex-1, which reads it", "DISK-01", kGlobex, kAcme,
     "acme-vault.raw", true, globex_gets_vault},
    {"globex-reaches-acme", "globex-1's port is put on acme's bridge, and it pings acme-1", "NET-03", kGlobex, kAcme,
     "", true, globex_reaches_acme},
    {"host-reads-memory-again", "a host process reads globex-1's memory by process_vm_readv", "MEM-01", kHost, kGlobex,
     "", false, host_reads_memory_again},
};

}  // namespace

bool Act::explains(const Alert& alert, pid_t actor) const {
  const bool correlation = alert.rule.starts_with("CORR-");
  if (flagged_by(alert, actor)) return true;
  if (correlation) return is_breach() && actor != 0 && alert.actor_pid == actor;
  // A volume that a domain is given is in its definition before its VMM opens it; a link to one is made and removed.
  return (alert.rule == "CTRL-05" || alert.rule == "DISK-08") && is_breach() && *object != '\0' &&
         absl::StrContains(alert.object, object) && alert.actor_tenant == actor_tenant &&
         alert.object_tenant == object_tenant;
}

bool Act::flagged_by(const Alert& alert, pid_t actor) const {
  if (!is_breach() || alert.rule != rule) return false;
  if (actor != 0 && alert.actor_pid != actor) return false;
  if (!absl::StrContains(alert.object, object)) return false;
  const bool forth = alert.actor_tenant == actor_tenant && alert.object_tenant == object_tenant;
  const bool back = actor == 0 && alert.actor_tenant == object_tenant && alert.object_tenant == actor_tenant;
  return forth || back;
}

std::span<const Act> acts() {
  return kActs;
}

const Act& act(const std::string& name) {
  for (const Act& candidate : kActs)
    if (candidate.name == name) return candidate;
  // A misspelt name in a test.
  std::abort();
}

}  // namespace bulkhead::stage
