#include "tests/kernel/tap_network.h"

#include <fcntl.h>
#include <linux/if_bridge.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <exception>
#include <system_error>
#include <thread>

namespace bulkhead::test {

namespace {

void require(bool done, const char* what) {
  if (!done) throw std::system_error(errno, std::generic_category(), what);
}

ifreq named(const std::string& name) {
  ifreq request = {};
  std::strncpy(request.ifr_name, name.c_str(), IFNAMSIZ - 1);
  return request;
}

std::uint32_t bring_up(int control, const std::string& name) {
  ifreq request = named(name);
  require(ioctl(control, SIOCGIFFLAGS, &request) == 0, "SIOCGIFFLAGS");
  request.ifr_flags |= IFF_UP;
  require(ioctl(control, SIOCSIFFLAGS, &request) == 0, "SIOCSIFFLAGS");
  require(ioctl(control, SIOCGIFINDEX, &request) == 0, "SIOCGIFINDEX");
  return static_cast<std::uint32_t>(request.ifr_ifindex);
}

}  // namespace

// Only threads of its own enter the new namespace; the files keep it alive.
TapNetwork::TapNetwork(std::size_t taps) {
  run_inside([&] { build(taps); });
}

void TapNetwork::run_inside(const std::function<void()>& act) const {
  std::exception_ptr error;
  std::thread([&] {
    try {
      const int inside = namespace_file_.get();
      require(inside < 0 || setns(inside, CLONE_NEWNET) == 0, "setns");
      act();
    } catch (...) {
      error = std::current_exception();
    }
  }).join();
  if (error) std::rethrow_exception(error);
}

void TapNetwork::build(std::size_t taps) {
  require(unshare(CLONE_NEWNET) == 0, "unshare");
  struct stat info = {};
  require(stat("/proc/thread-self/ns/net", &info) == 0, "stat");
  network_namespace_ = static_cast<std::uint32_t>(info.st_ino);
  namespace_file_ = stage::FileDescriptor(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  require(namespace_file_.get() >= 0, "/proc/thread-self/ns/net");
  const stage::FileDescriptor control(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  require(ioctl(control.get(), SIOCBRADDBR, "br0") == 0, "SIOCBRADDBR");
  // Otherwise a port forwards nothing for its first 15 seconds.
  unsigned long no_forward_delay[] = {BRCTL_SET_BRIDGE_FORWARD_DELAY, 0, 0, 0};
  ifreq delay = named("br0");
  delay.ifr_data = reinterpret_cast<char*>(no_forward_delay);
  require(ioctl(control.get(), SIOCDEVPRIVATE, &delay) == 0, "BRCTL_SET_BRIDGE_FORWARD_DELAY");
  bring_up(control.get(), "br0");
  for (std::size_t i = 0; i < taps; ++i) {
    stage::FileDescriptor file(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
    require(file.get() >= 0, "/dev/net/tun");
    const std::string name = "tap" + std::to_string(i);
    ifreq request = named(name);
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    require(ioctl(file.get(), TUNSETIFF, &request) == 0, "TUNSETIFF");
    const std::uint32_t ifindex = bring_up(control.get(), name);
    ifreq bridge = named("br0");
    bridge.ifr_ifindex = static_cast<int>(ifindex);
    require(ioctl(control.get(), SIOCBRADDIF, &bridge) == 0, "SIOCBRADDIF");
    taps_.push_back({std::move(file), ifindex});
  }
}

Mac TapNetwork::route(std::array<std::uint8_t, 4> known, const Mac& known_mac) {
  Mac bridge{};
  run_inside([&] {
    const stage::FileDescriptor control(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    // All of 10.0.0.0/8 is behind it.
    ifreq address = named("br0");
    sockaddr_in own = {.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(0x0a000001)}, .sin_zero = {}};
    std::memcpy(&address.ifr_addr, &own, sizeof own);
    require(ioctl(control.get(), SIOCSIFADDR, &address) == 0, "SIOCSIFADDR");
    ifreq hardware = named("br0");
    require(ioctl(control.get(), SIOCGIFHWADDR, &hardware) == 0, "SIOCGIFHWADDR");
    std::copy_n(hardware.ifr_hwaddr.sa_data, bridge.size(), bridge.begin());
    // The namespace's own.
    const stage::FileDescriptor forward(open("/proc/sys/net/ipv4/ip_forward", O_WRONLY | O_CLOEXEC));
    require(write(forward.get(), "1", 1) == 1, "ip_forward");
    arpreq neighbour = {};
    own.sin_addr.s_addr = 0;
    std::copy(known.begin(), known.end(), reinterpret_cast<std::uint8_t*>(&own.sin_addr.s_addr));
    std::memcpy(&neighbour.arp_pa, &own, sizeof own);
    neighbour.arp_ha.sa_family = ARPHRD_ETHER;
    std::copy(known_mac.begin(), known_mac.end(), neighbour.arp_ha.sa_data);
    neighbour.arp_flags = ATF_PERM | ATF_COM;
    std::strncpy(neighbour.arp_dev, "br0", sizeof neighbour.arp_dev - 1);
    require(ioctl(control.get(), SIOCSARP, &neighbour) == 0, "SIOCSARP");
  });
  return bridge;
}

void TapNetwork::send(std::size_t tap, const std::vector<std::uint8_t>& frame) {
  require(write(taps_.at(tap).file.get(), frame.data(), frame.size()) == static_cast<ssize_t>(frame.size()), "write");
}

std::optional<std::vector<std::uint8_t>> TapNetwork::receive(std::size_t tap, const Mac& source, int patience_ms) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(patience_ms);
  while (std::chrono::steady_clock::now() < deadline) {
    pollfd ready = {.fd = taps_.at(tap).file.get(), .events = POLLIN, .revents = 0};
    if (poll(&ready, 1, 10) <= 0) continue;
    std::vector<std::uint8_t> frame(65536);
    const ssize_t length = read(ready.fd, frame.data(), frame.size());
    if (length < 12) continue;
    frame.resize(static_cast<std::size_t>(length));
    if (std::equal(source.begin(), source.end(), frame.begin() + 6)) return frame;
  }
  return std::nullopt;
}

namespace {

// RFC 1071. Where bridges pass frames to netfilter, a header without it is dropped.
std::uint16_t internet_checksum(const std::uint8_t* header, std::size_t size) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i + 1 < size; i += 2) sum += static_cast<std::uint32_t>(header[i] << 8 | header[i + 1]);
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

constexpr std::size_t kEthernet = 14;

// With `size` bytes after its header.
std::vector<std::uint8_t> ethernet(const Mac& destination, const Mac& source, std::uint16_t type, std::size_t size) {
  std::vector<std::uint8_t> frame(kEthernet + size);
  std::copy(destination.begin(), destination.end(), frame.begin());
  std::copy(source.begin(), source.end(), frame.begin() + 6);
  frame[12] = static_cast<std::uint8_t>(type >> 8);
  frame[13] = static_cast<std::uint8_t>(type);
  return frame;
}

}  // namespace

std::vector<std::uint8_t> arp_request(const Mac& source, std::array<std::uint8_t, 4> sender,
                                      std::array<std::uint8_t, 4> target) {
  auto frame = ethernet({0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, source, 0x0806, 28);
  // Ethernet, IPv4, lengths of their addresses, request.
  constexpr std::uint8_t kFixed[] = {0, 1, 8, 0, 6, 4, 0, 1};
  auto at = std::copy(std::begin(kFixed), std::end(kFixed), frame.begin() + kEthernet);
  at = std::copy(source.begin(), source.end(), at);
  at = std::copy(sender.begin(), sender.end(), at);
  std::copy(target.begin(), target.end(), at + 6);
  return frame;
}

std::vector<std::uint8_t> ipv6_frame(const Mac& destination, const Mac& source, std::array<std::uint8_t, 16> from,
                                     std::array<std::uint8_t, 16> to, std::size_t payload) {
  auto frame = ethernet(destination, source, 0x86dd, 40 + payload);
  std::uint8_t* header = frame.data() + kEthernet;
  header[0] = 0x60;
  header[4] = static_cast<std::uint8_t>(payload >> 8);
  header[5] = static_cast<std::uint8_t>(payload);
  header[6] = 59;
  header[7] = 64;
  std::copy(from.begin(), from.end(), header + 8);
  std::copy(to.begin(), to.end(), header + 24);
  return frame;
}

std::vector<std::uint8_t> ipv4_frame(const Mac& destination, const Mac& source, std::array<std::uint8_t, 4> from,
                                     std::array<std::uint8_t, 4> to, std::size_t payload) {
  constexpr std::size_t kIpv4 = 20;
  auto frame = ethernet(destination, source, 0x0800, kIpv4 + payload);
  std::uint8_t* header = frame.data() + kEthernet;
  header[0] = 0x45;
  header[2] = static_cast<std::uint8_t>((kIpv4 + payload) >> 8);
  header[3] = static_cast<std::uint8_t>(kIpv4 + payload);
  header[8] = 64;
  header[9] = 17;
  std::copy(from.begin(), from.end(), header + 12);
  std::copy(to.begin(), to.end(), header + 16);
  const std::uint16_t checksum = internet_checksum(header, kIpv4);
  header[10] = static_cast<std::uint8_t>(checksum >> 8);
  header[11] = static_cast<std::uint8_t>(checksum);
  return frame;
}

}  // namespace bulkhead::test
