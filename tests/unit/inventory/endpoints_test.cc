// What a domain's VMM listens on, and where libvirt's daemons are.
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "agent/inventory/domain_xml.h"
#include "agent/inventory/libvirt_daemons.h"

namespace bulkhead::inventory {
namespace {

std::vector<Endpoint> endpoints_of(const std::string& devices) {
  const auto parsed =
      parse_domain_xml("<domain><name>n</name><uuid>3e3fce45-4f53-4fa7-bb32-11f34168b82b</uuid><devices>" + devices +
                       "</devices></domain>");
  INFO(parsed.status());
  REQUIRE(parsed.ok());
  return parsed->domain.endpoints;
}

TEST_CASE("consoles, guest agent and displays are found, each once") {
  const auto found = endpoints_of(
      "<serial type='pty'><source path='/dev/pts/3'/><target port='0'/></serial>"
      "<console type='pty' tty='/dev/pts/3'><source path='/dev/pts/3'/></console>"
      "<serial type='unix'><source mode='bind' path='/run/console'/></serial>"
      "<serial type='tcp'><source mode='bind' host='127.0.0.1' service='4555'/></serial>"
      "<channel type='unix'><source mode='bind' path='/run/agent'/><target name='org.qemu.guest_agent.0'/></channel>"
      "<graphics type='vnc' port='5900' websocket='5700' listen='127.0.0.1'><listen type='address'/></graphics>"
      "<graphics type='spice' port='-1' tlsPort='5901'/>"
      "<graphics type='vnc'><listen type='socket' socket='/run/vnc'/></graphics>");
  const std::vector<Endpoint> expected = {
      {EndpointKind::kConsole, "/dev/pts/3", 0}, {EndpointKind::kConsole, "/run/console", 0},
      {EndpointKind::kConsole, "", 4555},        {EndpointKind::kGuestAgent, "/run/agent", 0},
      {EndpointKind::kDisplay, "", 5900},        {EndpointKind::kDisplay, "", 5700},
      {EndpointKind::kDisplay, "", 5901},        {EndpointKind::kDisplay, "/run/vnc", 0}};
  CHECK(found == expected);
}

TEST_CASE("what the VMM does not listen on is no endpoint") {
  CHECK(endpoints_of("<serial type='unix'><source mode='connect' path='/run/dbus/system_bus_socket'/></serial>"
                     "<serial type='dev'><source path='/dev/ttyS0'/></serial>"
                     "<serial type='tcp'><source mode='connect' host='h' service='22'/></serial>"
                     "<console type='pty'/><channel type='spicevmc'/><graphics type='vnc' port='70000'/>"
                     "<serial type='pty'><source path='relative'/></serial>"
                     "<graphics type='vnc' port='5900x'/>")
            .empty());
}

// A process directory as /proc has it, without being one.
class FakeProc {
 public:
  FakeProc() {
    std::string pattern = std::filesystem::temp_directory_path() / "bulkhead-proc-XXXXXX";
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    root_ = pattern;
  }
  ~FakeProc() { std::filesystem::remove_all(root_); }
  FakeProc(const FakeProc&) = delete;
  FakeProc& operator=(const FakeProc&) = delete;

  void add(const std::string& pid, const std::string& executable, int uid, const std::string& library) {
    const auto process = root_ / pid;
    std::filesystem::create_directories(process / "map_files");
    std::filesystem::create_symlink(executable, process / "exe");
    std::ofstream(process / "status") << "Name:\tx\nUid:\t" << uid << "\t" << uid << "\t0\t0\n";
    std::ofstream(process / "maps") << "1000-2000 r-xp 00000000 08:01 7 /usr/lib/libc.so.6\n"
                                    << "3000-4000 r--p 00000000 08:01 8 " << library << "\n";
    std::ofstream(process / "map_files" / "3000-4000") << "library";
  }
  const std::filesystem::path& root() const { return root_; }
  bool names(const LibvirtFiles& files, const std::string& pid) const {
    const std::string exe = root_ / pid / "exe", library = root_ / pid / "map_files/3000-4000";
    const bool daemon = std::ranges::find(files.daemons, exe) != files.daemons.end();
    CHECK(daemon == (std::ranges::find(files.libraries, library) != files.libraries.end()));
    return daemon;
  }

 private:
  std::filesystem::path root_;
};

TEST_CASE("a daemon of libvirt's that runs as root is found with the library that it has mapped") {
  FakeProc proc;
  proc.add("100", "/usr/sbin/libvirtd", 0, "/usr/lib/libvirt.so.0.9000.0");
  proc.add("101", "/usr/sbin/virtqemud (deleted)", 0, "/usr/lib/libvirt.so.0.8000.0 (deleted)");
  proc.add("102", "/home/kim/libvirtd", 1000, "/home/kim/libvirt.so.0");
  proc.add("103", "/usr/bin/virsh", 0, "/usr/lib/libvirt.so.0.9000.0");
  proc.add("104", "/usr/sbin/virtlogd", 0, "/usr/lib/libvirt.so.0.9000.0");
  const LibvirtFiles files = find_libvirt_files(proc.root());
  CHECK(proc.names(files, "100"));
  CHECK(proc.names(files, "101"));
  CHECK_FALSE(proc.names(files, "102"));
  CHECK_FALSE(proc.names(files, "103"));
  CHECK_FALSE(proc.names(files, "104"));
}

}  // namespace
}  // namespace bulkhead::inventory
