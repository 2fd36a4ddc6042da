#include "tests/support/stage/keeper/libvirt_daemon.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <chrono>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/support/stage/file_descriptor.h"

namespace bulkhead::stage {
namespace {

constexpr Milliseconds kStartTimeout(30'000);
constexpr Milliseconds kStopTimeout(10'000);

// One connection from the same user needs no authentication; the log goes to stderr.
constexpr const char* kDaemonConfiguration = R"(listen_tls = 0
auth_tcp = "none"
unix_sock_rw_perms = "0700"
unix_sock_ro_perms = "0700"
auth_unix_ro = "none"
auth_unix_rw = "none"
log_outputs = "3:stderr"
)";

// Without cgroup controllers libvirt makes no cgroups, so none can be left behind; without a log daemon of its own
// (stdio_handler) there is one process less to end.
constexpr const char* kQemuConfiguration = R"(user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
stdio_handler = "file"
namespaces = [ ]
cgroup_controllers = [ ]
)";
constexpr const char* kNoSandbox = "seccomp_sandbox = 0\n";

bool accepts(const std::filesystem::path& path) {
  const FileDescriptor client(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.string().size() >= sizeof(address.sun_path)) return false;
  std::strcpy(address.sun_path, path.c_str());
  return connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

absl::Status write_file(const std::filesystem::path& path, const std::string& text) {
  std::ofstream out(path);
  out << text;
  out.close();
  if (!out) return absl::DataLossError(absl::StrCat("cannot write ", path.string()));
  return absl::OkStatus();
}

}  // namespace

absl::Status LibvirtDaemon::configure() {
  // A host without readable DMI tables gives libvirt no identity of its own.
  std::ifstream random("/proc/sys/kernel/random/uuid");
  std::string uuid;
  std::getline(random, uuid);
  auto status = write_file(
      state_dir_ / "etc/libvirtd.conf",
      absl::StrCat(kDaemonConfiguration, "listen_tcp = ", listen_tcp_ ? 1 : 0, "\nhost_uuid = \"", uuid, "\"\n"));
  if (status.ok())
    status = write_file(state_dir_ / "etc/qemu.conf", absl::StrCat(kQemuConfiguration, sandbox_ ? "" : kNoSandbox));
  return status;
}

absl::Status LibvirtDaemon::start() {
  if (pid() != 0) return absl::FailedPreconditionError("libvirtd runs already");
  // The default pid file, /run/libvirtd.pid, is the host's own.
  std::vector<std::string> words = {"/usr/sbin/libvirtd", "--config", state_dir_ / "etc/libvirtd.conf", "--pid-file",
                                    state_dir_ / "libvirtd.pid"};
  if (listen_tcp_) words.push_back("--listen");
  auto started = ChildProcess::start(
      {.words = std::move(words), .stderr_file = state_dir_ / "log/libvirtd.log", .namespaces = {}});
  if (!started.ok()) return started.status();
  process_ = std::move(*started);

  const auto deadline = std::chrono::steady_clock::now() + kStartTimeout;
  while (!accepts(state_dir_ / "run/libvirt-sock")) {
    if (const auto ended = process_->wait(Milliseconds(20)); ended.ok())
      return absl::UnavailableError(absl::StrCat("libvirtd ended with status ", *ended));
    if (std::chrono::steady_clock::now() > deadline) return absl::DeadlineExceededError("libvirtd opens no socket");
  }
  return absl::OkStatus();
}

void LibvirtDaemon::stop() {
  if (process_) process_->stop(kStopTimeout);
  process_.reset();
}

void LibvirtDaemon::kill() {
  if (process_) process_->signal(SIGKILL);
  if (process_) (void)process_->wait(kStopTimeout);
  process_.reset();
}

}  // namespace bulkhead::stage
