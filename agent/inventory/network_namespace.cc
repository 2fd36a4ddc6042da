#include "agent/inventory/network_namespace.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <thread>

#include "absl/cleanup/cleanup.h"

namespace bulkhead::inventory {
namespace {

// Any socket answers questions about devices; a UNIX one needs no protocol of the network.
int open_socket() {
  return ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

// A socket belongs for good to the namespace that its maker was in, so the maker may end at once.
absl::StatusOr<int> open_socket_in(int namespace_fd) {
  int result = -1;
  int error = 0;
  try {
    std::thread([&] {
      if (::setns(namespace_fd, CLONE_NEWNET) == 0) result = open_socket();
      if (result < 0) error = errno;
    }).join();
  } catch (const std::system_error& failure) {
    return absl::ResourceExhaustedError(fmt::format("cannot start a thread: {}", failure.what()));
  }
  if (result < 0) return absl::ErrnoToStatus(error, "cannot enter the network namespace");
  return result;
}

absl::StatusOr<std::uint32_t> inode_of(int fd) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return absl::ErrnoToStatus(errno, "cannot stat a network namespace");
  return static_cast<std::uint32_t>(status.st_ino);
}

// Whether the calling thread is in that namespace itself.
bool is_own(std::uint32_t inode) {
  struct stat status{};
  return ::stat("/proc/thread-self/ns/net", &status) == 0 && static_cast<std::uint32_t>(status.st_ino) == inode;
}

absl::StatusOr<std::uint32_t> index_of(int socket, std::string_view device) {
  ifreq request{};
  if (device.empty() || device.size() >= sizeof request.ifr_name) {
    return absl::InvalidArgumentError(fmt::format("'{}' is no network device's name", device.substr(0, 64)));
  }
  device.copy(request.ifr_name, device.size());
  if (::ioctl(socket, SIOCGIFINDEX, &request) != 0) {
    const std::string message = fmt::format("device {}", device);
    return errno == ENODEV ? absl::NotFoundError(message + ": not in this network namespace")
                           : absl::ErrnoToStatus(errno, message);
  }
  return static_cast<std::uint32_t>(request.ifr_ifindex);
}

}  // namespace

NetworkNamespaces::~NetworkNamespaces() {
  for (const auto& [inode, entry] : entries_) ::close(entry.socket);
}

absl::StatusOr<NetworkDevice> NetworkNamespaces::resolve(std::uint32_t pid, std::string_view device) {
  const std::string path = fmt::format("/proc/{}/ns/net", pid);
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return absl::ErrnoToStatus(errno, path);
  const absl::Cleanup close_namespace = [fd] { ::close(fd); };
  const auto inode = inode_of(fd);
  if (!inode.ok()) return inode.status();

  const std::lock_guard lock(mutex_);
  auto found = entries_.find(*inode);
  if (found == entries_.end()) {
    const absl::StatusOr<int> socket = is_own(*inode) ? absl::StatusOr<int>(open_socket()) : open_socket_in(fd);
    if (!socket.ok()) return socket.status();
    if (*socket < 0) return absl::ErrnoToStatus(errno, "cannot open a socket");
    found = entries_.emplace(*inode, Entry{.socket = *socket, .used = true}).first;
  }
  found->second.used = true;
  const auto index = index_of(found->second.socket, device);
  if (!index.ok()) return index.status();
  return NetworkDevice{.network_namespace = *inode, .ifindex = *index};
}

void NetworkNamespaces::release_idle() {
  const std::lock_guard lock(mutex_);
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    if (entry->second.used) {
      entry->second.used = false;
      ++entry;
    } else {
      ::close(entry->second.socket);
      entry = entries_.erase(entry);
    }
  }
}

}  // namespace bulkhead::inventory
