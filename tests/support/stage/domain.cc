#include "tests/support/stage/domain.h"

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "tests/support/stage/domain_xml.h"

namespace bulkhead::stage {
namespace {

absl::Status libvirt_error(const std::string& act) {
  const char* why = virGetLastErrorMessage();
  return absl::FailedPreconditionError(absl::StrCat(act, ": ", why != nullptr ? why : "unknown error"));
}

// Errors are returned, not printed.
void say_nothing(void*, virErrorPtr) {}

}  // namespace

struct Hypervisor::Connection {
  virConnectPtr libvirt = nullptr;
  std::filesystem::path run_dir;
  std::filesystem::path state_dir;
  GuestImage image;
  bool use_kvm = false;

  ~Connection() {
    if (libvirt != nullptr) virConnectClose(libvirt);
  }
};

struct Domain::Handle {
  virDomainPtr libvirt = nullptr;
  const Hypervisor::Connection* connection = nullptr;
  DomainPlan plan;
  std::string uuid;

  std::filesystem::path console() const { return connection->state_dir / absl::StrCat("console-", plan.name); }

  ~Handle() {
    virDomainDestroy(libvirt);
    virDomainUndefine(libvirt);
    virDomainFree(libvirt);
  }
};

absl::Status make_image(const std::filesystem::path& path, const std::string& format, unsigned mebibytes) {
  return run_checked({{"qemu-img", "create", "-q", "-f", format, path, absl::StrCat(mebibytes, "M")}, "", {}},
                     Milliseconds(10'000));
}

absl::StatusOr<Hypervisor> Hypervisor::connect(const PrivateLibvirt& libvirt, const GuestImage& image, bool use_kvm) {
  virSetErrorFunc(nullptr, say_nothing);
  auto connection = std::make_unique<Connection>();
  connection->libvirt = virConnectOpen(libvirt.uri().c_str());
  if (connection->libvirt == nullptr) return libvirt_error(absl::StrCat("connecting to ", libvirt.uri()));
  connection->run_dir = libvirt.run_dir();
  connection->state_dir = libvirt.state_dir();
  connection->image = image;
  connection->use_kvm = use_kvm;
  return Hypervisor(std::move(connection));
}

Hypervisor::Hypervisor(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
Hypervisor::Hypervisor(Hypervisor&&) noexcept = default;
Hypervisor::~Hypervisor() = default;

absl::StatusOr<Domain> Hypervisor::define(const DomainPlan& plan) {
  auto handle = std::make_unique<Domain::Handle>();
  handle->connection = connection_.get();
  handle->plan = plan;
  const std::string xml = domain_xml(plan, connection_->image, handle->console(), connection_->use_kvm);
  handle->libvirt = virDomainDefineXML(connection_->libvirt, xml.c_str());
  if (handle->libvirt == nullptr) return libvirt_error(absl::StrCat("defining ", plan.name));
  char uuid[VIR_UUID_STRING_BUFLEN] = "";
  virDomainGetUUIDString(handle->libvirt, uuid);
  handle->uuid = uuid;
  return Domain(std::move(handle));
}

Domain::Domain(std::unique_ptr<Handle> handle) : handle_(std::move(handle)) {}
Domain::Domain(Domain&&) noexcept = default;
Domain::~Domain() = default;

const DomainPlan& Domain::plan() const {
  return handle_->plan;
}
const std::string& Domain::uuid() const {
  return handle_->uuid;
}

absl::Status Domain::start() {
  if (virDomainCreate(handle_->libvirt) != 0) return libvirt_error(absl::StrCat("starting ", handle_->plan.name));
  auto console = GuestConsole::connect(handle_->console());
  if (!console.ok()) return console.status();
  console_ = std::move(*console);
  return absl::OkStatus();
}

absl::Status Domain::destroy() {
  if (virDomainDestroy(handle_->libvirt) != 0) return libvirt_error(absl::StrCat("destroying ", handle_->plan.name));
  console_.reset();
  return absl::OkStatus();
}

absl::Status Domain::undefine() {
  if (virDomainUndefine(handle_->libvirt) != 0) return libvirt_error(absl::StrCat("undefining ", handle_->plan.name));
  return absl::OkStatus();
}

absl::Status Domain::attach(const Disk& disk) {
  if (virDomainAttachDeviceFlags(handle_->libvirt, disk_xml(disk).c_str(), VIR_DOMAIN_AFFECT_LIVE) != 0)
    return libvirt_error(absl::StrCat("attaching ", disk.image.string(), " to ", handle_->plan.name));
  return absl::OkStatus();
}

absl::Status Domain::detach(const Disk& disk) {
  if (virDomainDetachDeviceFlags(handle_->libvirt, disk_xml(disk).c_str(), VIR_DOMAIN_AFFECT_LIVE) != 0)
    return libvirt_error(absl::StrCat("detaching ", disk.image.string(), " from ", handle_->plan.name));
  return absl::OkStatus();
}

absl::StatusOr<pid_t> Domain::vmm_pid() const {
  std::ifstream file(handle_->connection->run_dir / "qemu" / absl::StrCat(handle_->plan.name, ".pid"));
  pid_t pid = 0;
  if (!(file >> pid)) return absl::NotFoundError(absl::StrCat(handle_->plan.name, " has no VMM"));
  return pid;
}

}  // namespace bulkhead::stage
