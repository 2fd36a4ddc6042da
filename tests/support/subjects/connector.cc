// CTRL-02, CTRL-03 and VMM-04: connects to a unix socket by its path or name, or to a TCP port of this host.
#include <arpa/inet.h>
#include <liburing.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>

#include "tests/support/subjects/subject.h"

namespace {

constexpr const char* kUsage = "connector [--wait] [--datagram] [--io-uring] [--address=IP] PATH|@NAME|PORT";

// As connect(2), but for the errno that it returns.
int connect_by_ring(int client, const sockaddr* address, socklen_t size) {
  io_uring ring{};
  if (const int made = io_uring_queue_init(1, &ring, 0); made < 0) return -made;
  io_uring_prep_connect(io_uring_get_sqe(&ring), client, address, size);
  io_uring_cqe* completion = nullptr;
  int result = io_uring_submit(&ring);
  if (result >= 0) result = io_uring_wait_cqe(&ring, &completion);
  if (result >= 0) result = completion->res;
  io_uring_queue_exit(&ring);
  return -result;
}

// A name that begins with "@" is in the abstract namespace.
int connect_to_path(const std::string& path, int type, bool by_ring) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return ENAMETOOLONG;
  std::memcpy(address.sun_path, path.data(), path.size());
  const bool is_abstract = path[0] == '@';
  if (is_abstract) address.sun_path[0] = '\0';
  const size_t size = is_abstract ? offsetof(sockaddr_un, sun_path) + path.size() : sizeof address;
  const int client = socket(AF_UNIX, type, 0);
  const auto* to = reinterpret_cast<const sockaddr*>(&address);
  if (by_ring) return connect_by_ring(client, to, static_cast<socklen_t>(size));
  return connect(client, to, static_cast<socklen_t>(size)) == 0 ? 0 : errno;
}

int connect_to_port(const std::string& text, std::uint16_t port) {
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  v4.sin_family = AF_INET;
  v6.sin6_family = AF_INET6;
  v4.sin_port = v6.sin6_port = htons(port);
  if (inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
    return connect(socket(AF_INET, SOCK_STREAM, 0), reinterpret_cast<sockaddr*>(&v4), sizeof v4) == 0 ? 0 : errno;
  }
  if (inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) != 1) return EINVAL;
  return connect(socket(AF_INET6, SOCK_STREAM, 0), reinterpret_cast<sockaddr*>(&v6), sizeof v6) == 0 ? 0 : errno;
}

}  // namespace

int main(int argc, char** argv) {
  const subject::Arguments arguments(argc, argv, kUsage);
  const std::string& where = arguments.word(0);
  arguments.wait_for_go();
  const int error =
      where[0] == '/' || where[0] == '@'
          ? connect_to_path(where, arguments.flag("datagram") ? SOCK_DGRAM : SOCK_STREAM, arguments.flag("io-uring"))
          : connect_to_port(arguments.value("address", "127.0.0.1"),
                            static_cast<std::uint16_t>(arguments.word_number(0)));
  if (error != 0) return subject::refused("connecting", error);
  return subject::done("%s", where.c_str());
}
