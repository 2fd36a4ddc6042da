#include "agent/inventory/libvirt_connection.h"

#include <fmt/format.h>
#include <libvirt/virterror.h>
#include <spdlog/spdlog.h>

#include <cstdlib>

#include "absl/cleanup/cleanup.h"

namespace bulkhead::inventory {
namespace {

// A libvirtd that says nothing for 15 s is taken for dead.
constexpr int kKeepaliveSeconds = 5;
constexpr unsigned kKeepaliveCount = 3;

struct DomainFree {
  void operator()(virDomainPtr domain) const { virDomainFree(domain); }
};
using DomainHandle = std::unique_ptr<virDomain, DomainFree>;

absl::Status last_error(const std::string& action) {
  const virErrorPtr error = virGetLastError();
  const std::string message = fmt::format("{}: {}", action, error != nullptr && error->message ? error->message : "?");
  const bool absent =
      error != nullptr && (error->code == VIR_ERR_NO_DOMAIN || error->code == VIR_ERR_INVALID_ARG ||
                           error->code == VIR_ERR_NO_STORAGE_POOL || error->code == VIR_ERR_NO_STORAGE_VOL);
  return absent ? absl::NotFoundError(message) : absl::UnavailableError(message);
}

DomainState to_state(int state, int reason) {
  switch (static_cast<virDomainState>(state)) {
    case VIR_DOMAIN_NOSTATE:
    case VIR_DOMAIN_RUNNING:
    case VIR_DOMAIN_BLOCKED:
    case VIR_DOMAIN_SHUTDOWN:  // on its way down, and alive until then
      return DomainState::kRunning;
    case VIR_DOMAIN_PAUSED:
      return reason == VIR_DOMAIN_PAUSED_STARTING_UP ? DomainState::kStarting : DomainState::kPaused;
    case VIR_DOMAIN_PMSUSPENDED:
      return DomainState::kPaused;
    case VIR_DOMAIN_SHUTOFF:
    case VIR_DOMAIN_CRASHED:
      return DomainState::kShutOff;
  }
  return DomainState::kRunning;
}

void tell_changed(virDomainPtr domain, void* opaque) {
  char uuid[VIR_UUID_STRING_BUFLEN];
  if (virDomainGetUUIDString(domain, uuid) != 0) return;
  static_cast<const LibvirtConnection::Listener*>(opaque)->changed(uuid);
}

int on_lifecycle(virConnectPtr, virDomainPtr domain, int, int, void* opaque) {
  tell_changed(domain, opaque);
  return 0;
}

void on_device(virConnectPtr, virDomainPtr domain, const char*, void* opaque) {
  tell_changed(domain, opaque);
}

void on_metadata(virConnectPtr, virDomainPtr domain, int, const char*, void* opaque) {
  tell_changed(domain, opaque);
}

void on_block_job(virConnectPtr, virDomainPtr domain, const char*, int, int, void* opaque) {
  tell_changed(domain, opaque);
}

void on_disk_change(virConnectPtr, virDomainPtr domain, const char*, const char*, const char*, int, void* opaque) {
  tell_changed(domain, opaque);
}

void on_close(virConnectPtr, int, void* opaque) {
  static_cast<const LibvirtConnection::Listener*>(opaque)->closed();
}

// libvirt takes every event's callback as one type and calls it as the type of the event. By way of void (*)(), which
// says to compilers that this is meant.
template <class Function>
virConnectDomainEventGenericCallback generic(Function* callback) {
  return reinterpret_cast<virConnectDomainEventGenericCallback>(reinterpret_cast<void (*)()>(callback));
}

}  // namespace

absl::Status prepare_libvirt() {
  static const absl::Status status = [] {
    virSetErrorFunc(nullptr, [](void*, virErrorPtr) {});
    return virEventRegisterDefaultImpl() == 0 ? absl::OkStatus() : last_error("cannot register libvirt's event loop");
  }();
  return status;
}

LibvirtConnection::LibvirtConnection(virConnectPtr connection, Listener listener)
    : connection_(connection), listener_(std::move(listener)) {}

absl::StatusOr<std::unique_ptr<LibvirtConnection>> LibvirtConnection::open(const std::string& uri, Listener listener) {
  virResetLastError();
  const virConnectPtr handle = virConnectOpenReadOnly(uri.c_str());
  if (handle == nullptr) return last_error(uri);
  std::unique_ptr<LibvirtConnection> connection(new LibvirtConnection(handle, std::move(listener)));
  if (auto status = connection->register_events(); !status.ok()) return status;
  return connection;
}

LibvirtConnection::~LibvirtConnection() {
  for (const int registration : registrations_) virConnectDomainEventDeregisterAny(connection_, registration);
  if (has_close_callback_) virConnectUnregisterCloseCallback(connection_, on_close);
  virConnectClose(connection_);
}

absl::Status LibvirtConnection::register_events() {
  const std::pair<int, virConnectDomainEventGenericCallback> events[] = {
      {VIR_DOMAIN_EVENT_ID_LIFECYCLE, generic(on_lifecycle)},
      {VIR_DOMAIN_EVENT_ID_DEVICE_ADDED, generic(on_device)},
      {VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, generic(on_device)},
      {VIR_DOMAIN_EVENT_ID_METADATA_CHANGE, generic(on_metadata)},
      // A finished block copy and a changed medium leave the domain with another image.
      {VIR_DOMAIN_EVENT_ID_BLOCK_JOB_2, generic(on_block_job)},
      {VIR_DOMAIN_EVENT_ID_DISK_CHANGE, generic(on_disk_change)},
  };
  auto* opaque = const_cast<Listener*>(&listener_);
  for (const auto& [id, callback] : events) {
    const int registration = virConnectDomainEventRegisterAny(connection_, nullptr, id, callback, opaque, nullptr);
    if (registration < 0) return last_error(fmt::format("cannot register for event {}", id));
    registrations_.push_back(registration);
  }
  // The drivers that live in this very process have neither a connection to lose nor one to keep alive.
  has_close_callback_ = virConnectRegisterCloseCallback(connection_, on_close, opaque, nullptr) == 0;
  virConnectSetKeepAlive(connection_, kKeepaliveSeconds, kKeepaliveCount);
  return absl::OkStatus();
}

bool LibvirtConnection::is_alive() const {
  return virConnectIsAlive(connection_) == 1;
}

absl::StatusOr<DomainFacts> LibvirtConnection::facts_of(virDomainPtr domain) {
  DomainFacts facts;
  char uuid[VIR_UUID_STRING_BUFLEN];
  if (virDomainGetUUIDString(domain, uuid) != 0) return last_error("cannot get a domain's uuid");
  facts.uuid = uuid;
  facts.name = virDomainGetName(domain);
  int state = 0, reason = 0;
  if (virDomainGetState(domain, &state, &reason, 0) != 0) return last_error("cannot get a domain's state");
  facts.state = to_state(state, reason);
  char* xml = virDomainGetXMLDesc(domain, 0);
  if (xml == nullptr) return last_error("cannot get a domain's XML");
  facts.xml = xml;
  std::free(xml);
  return facts;
}

absl::StatusOr<std::vector<DomainFacts>> LibvirtConnection::describe_all() {
  virDomainPtr* list = nullptr;
  const int count = virConnectListAllDomains(connection_, &list, 0);
  if (count < 0) return last_error("cannot list domains");
  const absl::Cleanup free_all = [list, count] {
    for (int i = 0; i < count; ++i) virDomainFree(list[i]);
    std::free(list);
  };
  std::vector<DomainFacts> all;
  for (int i = 0; i < count; ++i) {
    auto facts = facts_of(list[i]);
    if (facts.ok()) {
      all.push_back(*std::move(facts));
    } else if (!is_alive()) {
      return facts.status();
    } else if (!absl::IsNotFound(facts.status())) {
      spdlog::warn("inventory: {}: {}", virDomainGetName(list[i]), std::string(facts.status().message()));
    }
  }
  return all;
}

absl::StatusOr<DomainFacts> LibvirtConnection::describe(const std::string& uuid) {
  const DomainHandle domain(virDomainLookupByUUIDString(connection_, uuid.c_str()));
  if (domain == nullptr) return last_error(fmt::format("domain {}", uuid));
  return facts_of(domain.get());
}

absl::StatusOr<std::string> LibvirtConnection::uuid_of(const std::string& name) {
  const DomainHandle domain(virDomainLookupByName(connection_, name.c_str()));
  if (domain == nullptr) return last_error("domain by name");
  char uuid[VIR_UUID_STRING_BUFLEN];
  if (virDomainGetUUIDString(domain.get(), uuid) != 0) return last_error("cannot get a domain's uuid");
  return std::string(uuid);
}

absl::StatusOr<std::string> LibvirtConnection::volume_path(const std::string& pool_and_volume) {
  // A pool's name has no '/'; a volume's may.
  const std::size_t slash = pool_and_volume.find('/');
  if (slash == std::string::npos) return absl::InvalidArgumentError("not a pool and a volume");
  const virStoragePoolPtr pool = virStoragePoolLookupByName(connection_, pool_and_volume.substr(0, slash).c_str());
  if (pool == nullptr) return last_error("storage pool");
  const absl::Cleanup free_pool = [pool] { virStoragePoolFree(pool); };
  const virStorageVolPtr volume = virStorageVolLookupByName(pool, pool_and_volume.substr(slash + 1).c_str());
  if (volume == nullptr) return last_error("storage volume");
  const absl::Cleanup free_volume = [volume] { virStorageVolFree(volume); };
  char* path = virStorageVolGetPath(volume);
  if (path == nullptr) return last_error("path of a storage volume");
  std::string result(path);
  std::free(path);
  return result;
}

}  // namespace bulkhead::inventory
