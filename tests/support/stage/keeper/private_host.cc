#include "tests/support/stage/keeper/private_host.h"

#include <net/if.h>
#include <pwd.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include <cerrno>
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "tests/support/stage/file_descriptor.h"

namespace bulkhead::stage {
namespace {

namespace fs = std::filesystem;

// In a directory that a stage made on the host: the last stage that uses it removes it.
constexpr const char* kMadeByStage = ".made-by-bulkhead-stage";

struct Place {
  const char* host;
  const char* under_state_dir;
};
constexpr Place kPlaces[] = {{"/etc/libvirt", "etc"},
                             {"/var/lib/libvirt", "lib"},
                             {"/var/cache/libvirt", "cache"},
                             {"/var/log/libvirt", "log"},
                             {"/run/libvirt", "run"}};

absl::Status raise_loopback() {
  const FileDescriptor control(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::snprintf(request.ifr_name, sizeof(request.ifr_name), "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (ioctl(control.get(), SIOCSIFFLAGS, &request) != 0) return absl::ErrnoToStatus(errno, "raising lo");
  return absl::OkStatus();
}

absl::Status append_line(const fs::path& original, const fs::path& copy, const std::string& line) {
  std::ifstream in(original);
  std::ofstream out(copy);
  out << std::string(std::istreambuf_iterator<char>(in), {}) << line << "\n";
  out.close();
  if (!out) return absl::DataLossError(absl::StrCat("cannot write ", copy.string()));
  return absl::OkStatus();
}

// Whether any process sees something mounted there: another stage, in a namespace of its own.
bool mounted_anywhere(const fs::path& place) {
  std::error_code ignored;
  const std::string wanted = absl::StrCat(" ", place.string(), " ");
  for (const auto& process : fs::directory_iterator("/proc", ignored)) {
    std::ifstream mounts(process.path() / "mountinfo");
    for (std::string line; std::getline(mounts, line);)
      if (line.find(wanted) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

absl::Status PrivateHost::enter(const fs::path& state_dir, bool hide_kvm) {
  if (unshare(CLONE_NEWNS | CLONE_NEWNET) != 0)
    return absl::ErrnoToStatus(errno, "making mount and network namespaces (are you root?)");
  // Nothing mounted here may show on the host.
  if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return absl::ErrnoToStatus(errno, "making mounts private");
  if (auto status = raise_loopback(); !status.ok()) return status;

  std::error_code error;
  for (const Place& place : kPlaces) {
    const fs::path source = state_dir / place.under_state_dir;
    fs::create_directories(source, error);
    if (!fs::is_directory(place.host)) {
      if (!fs::create_directory(place.host, error))
        return absl::FailedPreconditionError(absl::StrCat("cannot make ", place.host, ": ", error.message()));
      std::ofstream(fs::path(place.host) / kMadeByStage);
    }
    if (auto status = bind(source, place.host); !status.ok()) return status;
  }
  if (auto status = provide_account(state_dir); !status.ok()) return status;
  return hide(state_dir, hide_kvm);
}

absl::Status PrivateHost::bind(const fs::path& source, const fs::path& target) {
  if (mount(source.c_str(), target.c_str(), nullptr, MS_BIND, nullptr) != 0)
    return absl::ErrnoToStatus(errno, absl::StrCat("mounting ", source.string(), " on ", target.string()));
  bound_.push_back(target);
  return absl::OkStatus();
}

// Debian's libvirtd refuses to start without the user libvirt-qemu, whatever qemu.conf says, and that user comes with a
// package (libvirt-daemon-system) that a demo should not put on a host.
absl::Status PrivateHost::provide_account(const fs::path& state_dir) {
  if (getpwnam("libvirt-qemu") != nullptr) return absl::OkStatus();
  const fs::path passwd = state_dir / "passwd", group = state_dir / "group";
  auto status = append_line("/etc/passwd", passwd, "libvirt-qemu:x:64055:64055::/nonexistent:/usr/sbin/nologin");
  if (status.ok()) status = append_line("/etc/group", group, "libvirt-qemu:x:64055:");
  if (status.ok()) status = bind(passwd, "/etc/passwd");
  if (status.ok()) status = bind(group, "/etc/group");
  return status;
}

absl::Status PrivateHost::hide(const fs::path& state_dir, bool hide_kvm) {
  // No bus, so no systemd-machined: our domains must not be registered with the host's.
  if (fs::is_directory("/run/dbus")) {
    fs::create_directory(state_dir / "no-bus");
    if (auto status = bind(state_dir / "no-bus", "/run/dbus"); !status.ok()) return status;
  }
  if (!hide_kvm || !fs::exists("/dev/kvm")) return absl::OkStatus();
  // A file that cannot be opened for writing: libvirt then takes KVM for absent. With a KVM that is there but does not
  // work it would probe QEMU's capabilities again, for half a minute, at every start of a domain.
  std::ofstream(state_dir / "no-kvm");
  if (auto status = bind(state_dir / "no-kvm", "/dev/kvm"); !status.ok()) return status;
  if (mount("none", "/dev/kvm", nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr) != 0)
    return absl::ErrnoToStatus(errno, "hiding /dev/kvm");
  return absl::OkStatus();
}

void PrivateHost::leave() {
  for (auto place = bound_.rbegin(); place != bound_.rend(); ++place) umount2(place->c_str(), MNT_DETACH);
  bound_.clear();
  std::error_code ignored;
  for (const Place& place : kPlaces) {
    const fs::path mark = fs::path(place.host) / kMadeByStage;
    if (!fs::exists(mark, ignored) || mounted_anywhere(place.host)) continue;
    fs::remove(mark, ignored);
    // Stays when the host's own libvirt has begun to use it.
    fs::remove(place.host, ignored);
  }
}

}  // namespace bulkhead::stage
