#include "tests/support/stage/domain_xml.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace bulkhead::stage {
namespace {

std::string quoted(const std::string& text) {
  return absl::StrCat(
      "'", absl::StrReplaceAll(text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"'", "&apos;"}, {"\"", "&quot;"}}),
      "'");
}

std::string port_xml(const Port& port) {
  return absl::StrCat("<interface type='bridge'><mac address=", quoted(port.mac),
                      "/><source bridge=", quoted(port.bridge), "/><target dev=", quoted(port.device),
                      "/><model type='virtio'/></interface>");
}

}  // namespace

std::string disk_xml(const Disk& disk) {
  return absl::StrCat("<disk type='file' device='disk'><driver name='qemu' type=", quoted(disk.format),
                      "/><source file=", quoted(disk.image), "/><target dev=", quoted(disk.target), " bus='virtio'/>",
                      disk.read_only ? "<readonly/>" : "", disk.shareable ? "<shareable/>" : "", "</disk>");
}

std::string domain_xml(const DomainPlan& plan, const GuestImage& image, const std::string& console, bool use_kvm) {
  std::string xml = absl::StrCat("<domain type=", quoted(use_kvm ? "kvm" : "qemu"), "><name>", plan.name, "</name>");
  if (!plan.tenant.empty())
    absl::StrAppend(&xml, "<metadata><bulkhead:tenant xmlns:bulkhead='urn:bulkhead:tenant:1' id=", quoted(plan.tenant),
                    "/></metadata>");
  absl::StrAppend(&xml, "<memory unit='MiB'>", plan.memory_mib, "</memory>", plan.elements,
                  "<vcpu>1</vcpu><os><type arch='x86_64'>hvm", "</type><kernel>", image.kernel.string(),
                  "</kernel><initrd>", image.initramfs.string(), "</initrd><cmdline>console=ttyS0 quiet",
                  plan.address.empty() ? "" : " bulkhead.ip=", plan.address, "</cmdline></os>");
  // ACPI for hot-plugging; no USB and no balloon, which cost an emulated guest a second.
  absl::StrAppend(&xml, "<features><acpi/></features><on_poweroff>destroy</on_poweroff><on_reboot>",
                  plan.boots_after_reset ? "restart" : "destroy", "</on_reboot>",
                  "<on_crash>destroy</on_crash><devices><controller type='usb' model='none'/>",
                  "<memballoon model='none'/><serial type='unix'><source mode='bind' path=", quoted(console),
                  "/></serial>");
  for (const Disk& disk : plan.disks) xml += disk_xml(disk);
  for (const Port& port : plan.ports) xml += port_xml(port);
  return absl::StrCat(xml, plan.devices, "</devices></domain>");
}

}  // namespace bulkhead::stage
