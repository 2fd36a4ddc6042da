#include "agent/probes/uevent_sockets.h"

#include <linux/netlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace bulkhead::probes {

namespace {
// The kernel's own messages; udev has another group for its.
constexpr unsigned kKernelGroup = 1;
}  // namespace

absl::Status UeventSockets::add(bpf_program* program) {
  FileDescriptor socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT));
  if (!socket) return absl::ErrnoToStatus(errno, "cannot make a socket for the kernel's events");
  const int filter = bpf_program__fd(program);
  // Before it is bound: no message gets past the filter.
  if (setsockopt(socket.get(), SOL_SOCKET, SO_ATTACH_BPF, &filter, sizeof(filter)) != 0) {
    return absl::ErrnoToStatus(errno, "cannot attach a filter to a socket for the kernel's events");
  }
  sockaddr_nl address = {};
  address.nl_family = AF_NETLINK;
  address.nl_groups = kKernelGroup;
  if (bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return absl::ErrnoToStatus(errno, "cannot listen to the kernel's events");
  }
  sockets_.push_back(std::move(socket));
  return absl::OkStatus();
}

void UeventSockets::take(UeventSockets other) {
  for (FileDescriptor& socket : other.sockets_) sockets_.push_back(std::move(socket));
}

}  // namespace bulkhead::probes
