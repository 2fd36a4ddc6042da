#include "tests/support/stage/private_libvirt.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/support/stage/file_descriptor.h"
#include "tests/support/stage/log_tail.h"

namespace bulkhead::stage {
namespace {

constexpr Milliseconds kStartTimeout(60'000);
constexpr Milliseconds kOrderTimeout(60'000);
// The keeper itself gives up after less.
constexpr Milliseconds kEndTimeout(40'000);
constexpr Milliseconds kCommandTimeout(10'000);

absl::StatusOr<std::filesystem::path> make_state_dir() {
  std::string pattern = std::filesystem::temp_directory_path() / "bulkhead-stage-XXXXXX";
  // "run/libvirt-sock-ro" and the guests' consoles must fit into a socket address of 108 bytes.
  if (pattern.size() > 60) pattern = "/tmp/bulkhead-stage-XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) return absl::ErrnoToStatus(errno, pattern);
  return std::filesystem::path(pattern);
}

}  // namespace

absl::StatusOr<PrivateLibvirt> PrivateLibvirt::start(const Options& options) {
  if (geteuid() != 0) return absl::PermissionDeniedError("a private libvirt needs root (namespaces, taps)");
  auto state_dir = make_state_dir();
  if (!state_dir.ok()) return state_dir.status();

  Command command{{program_directory() + "/bulkhead-stage-keeper", *state_dir}, "", {}};
  if (options.hide_kvm) command.words.push_back("--hide-kvm");
  if (options.listen_tcp) command.words.push_back("--listen-tcp");
  if (!options.sandbox) command.words.push_back("--no-sandbox");
  auto keeper = ChildProcess::start(command);
  if (!keeper.ok()) {
    std::filesystem::remove_all(*state_dir);
    return keeper.status();
  }
  PrivateLibvirt stage(*state_dir, std::move(*keeper));
  const auto answered = stage.answer(kStartTimeout);
  if (answered.ok()) return stage;
  const std::string log = tail_of(*state_dir / "log/libvirtd.log");
  (void)stage.end();
  std::filesystem::remove_all(*state_dir);
  return absl::Status(answered.code(), absl::StrCat(answered.message(), log.empty() ? "" : "; libvirtd said:\n", log));
}

PrivateLibvirt::PrivateLibvirt(std::filesystem::path state_dir, ChildProcess keeper)
    : state_dir_(std::move(state_dir)), keeper_(std::make_unique<ChildProcess>(std::move(keeper))) {}

PrivateLibvirt::~PrivateLibvirt() {
  if (keeper_) (void)end();
}

std::string PrivateLibvirt::uri() const {
  return absl::StrCat("qemu:///system?socket=", (run_dir() / "libvirt-sock").string());
}

absl::Status PrivateLibvirt::order(const std::string& text) {
  if (auto status = keeper_->write_line(text); !status.ok()) return status;
  return answer(kOrderTimeout);
}

absl::Status PrivateLibvirt::answer(Milliseconds timeout) {
  const auto line = keeper_->read_line(timeout);
  if (!line.ok()) return line.status();
  if (absl::StartsWith(*line, "error ")) return absl::FailedPreconditionError(line->substr(6));
  return absl::OkStatus();
}

absl::StatusOr<pid_t> PrivateLibvirt::daemon_pid() const {
  std::ifstream file(state_dir_ / "libvirtd.pid");
  pid_t pid = 0;
  if (!(file >> pid)) return absl::NotFoundError("libvirtd has written no pid file");
  return pid;
}

// Not "ip netns exec": it would put a fresh /sys over the one that has the cgroups.
absl::StatusOr<FileDescriptor> PrivateLibvirt::open_network() const {
  FileDescriptor network(open(absl::StrCat("/proc/", keeper_->pid(), "/ns/net").c_str(), O_RDONLY | O_CLOEXEC));
  if (!network.valid()) return absl::ErrnoToStatus(errno, "opening the stage's network namespace");
  return network;
}

absl::Status PrivateLibvirt::run_in_network(std::vector<std::string> words) const {
  const auto network = open_network();
  if (!network.ok()) return network.status();
  return run_checked({std::move(words), "", {network->get()}}, kCommandTimeout);
}

absl::StatusOr<ChildProcess> PrivateLibvirt::start_in_network(std::vector<std::string> words) const {
  const auto network = open_network();
  if (!network.ok()) return network.status();
  return ChildProcess::start({std::move(words), "", {network->get()}});
}

absl::Status PrivateLibvirt::add_bridge(const std::string& name) const {
  auto status = run_in_network({"ip", "link", "add", name, "type", "bridge", "stp_state", "0", "mcast_snooping", "0"});
  if (status.ok()) status = run_in_network({"ip", "link", "set", name, "addrgenmode", "none", "up"});
  return status;
}

absl::Status PrivateLibvirt::plug(const std::string& port, const std::string& bridge) const {
  return run_in_network({"ip", "link", "set", port, "master", bridge});
}

ino_t PrivateLibvirt::network_namespace() const {
  struct stat status{};
  stat(absl::StrCat("/proc/", keeper_->pid(), "/ns/net").c_str(), &status);
  return status.st_ino;
}

absl::Status PrivateLibvirt::end() {
  keeper_->close_stdin();
  const auto ended = keeper_->wait(kEndTimeout);
  keeper_.reset();
  if (!ended.ok()) return ended.status();
  if (*ended != 0) return absl::InternalError(absl::StrCat("the stage left something behind in ", state_dir_.string()));
  return absl::OkStatus();
}

}  // namespace bulkhead::stage
