// CTRL-02 and CTRL-03: connects to a unix socket by its path, or to a TCP port of this host.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tests/support/subjects/subject.h"

namespace {

constexpr const char* kUsage = "connector [--wait] [--address=IP] PATH|PORT";

int connect_to_path(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return ENAMETOOLONG;
  std::strcpy(address.sun_path, path.c_str());
  const int client = socket(AF_UNIX, SOCK_STREAM, 0);
  return connect(client, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
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
  const int error = where[0] == '/' ? connect_to_path(where)
                                    : connect_to_port(arguments.value("address", "127.0.0.1"),
                                                      static_cast<std::uint16_t>(arguments.word_number(0)));
  if (error != 0) return subject::refused("connecting", error);
  return subject::done("%s", where.c_str());
}
