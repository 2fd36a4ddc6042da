// CTRL-01 and MEM-09: asks libvirt for something that virsh does not offer, or offers to a terminal alone. With --wait
// it is connected and has found the domain before it says that it is ready.
#include <libvirt/libvirt-qemu.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "tests/support/subjects/subject.h"

namespace {

constexpr const char* kUsage =
    "libvirt_caller [--wait] [--times=N] URI DOMAIN CALL\n"
    "CALL: memory-peek, block-peek, open-console, status (of QEMU, by its monitor)";

void say_nothing(void*, virErrorPtr) {}

int call(const std::string& what, virConnectPtr libvirt, virDomainPtr domain) {
  char bytes[64];
  if (what == "memory-peek") return virDomainMemoryPeek(domain, 0x1000, sizeof bytes, bytes, VIR_MEMORY_PHYSICAL);
  if (what == "block-peek") return virDomainBlockPeek(domain, "vda", 0, sizeof bytes, bytes, 0);
  if (what == "open-console") {
    const virStreamPtr stream = virStreamNew(libvirt, 0);
    const int result = virDomainOpenConsole(domain, nullptr, stream, VIR_DOMAIN_CONSOLE_FORCE);
    if (result == 0) virStreamAbort(stream);
    virStreamFree(stream);
    return result;
  }
  char* reply = nullptr;
  const int result = virDomainQemuMonitorCommand(domain, "{\"execute\":\"query-status\"}", &reply, 0);
  free(reply);
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  const subject::Arguments arguments(argc, argv, kUsage);
  virSetErrorFunc(nullptr, say_nothing);
  const virConnectPtr libvirt = virConnectOpen(arguments.word(0).c_str());
  const virDomainPtr domain = libvirt == nullptr ? nullptr : virDomainLookupByName(libvirt, arguments.word(1).c_str());
  if (domain == nullptr) return subject::refused("looking for the domain", ENOENT);
  arguments.wait_for_go();
  const std::string& what = arguments.word(2);
  for (uint64_t left = arguments.number(arguments.value("times", "1")); left > 0; --left) {
    if (call(what, libvirt, domain) != 0) return subject::refused(virGetLastErrorMessage(), EIO);
  }
  virDomainFree(domain);
  virConnectClose(libvirt);
  return subject::done("%s", what.c_str());
}
