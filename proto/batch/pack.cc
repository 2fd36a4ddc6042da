#include <limits>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "proto/batch/batch.h"
#include "proto/batch/event_time.h"
#include "proto/batch/limits.h"
#include "proto/batch/plain_payloads.h"
#include "proto/batch/utf8.h"

namespace bulkhead::batch {
namespace {

void clean_label(std::string* text) {
  if (!is_utf8(*text)) *text = to_utf8(*text);
  if (text->size() > limits::kStringBytes) text->resize(cut_utf8(*text, limits::kStringBytes).size());
}

// A tenant or an object cut short could be taken for another one.
absl::Status clean_identity(const char* field, std::string* text) {
  if (!is_utf8(*text)) *text = to_utf8(*text);
  if (text->size() <= limits::kStringBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("event's ", field, " has ", text->size(), " bytes, the limit is ", limits::kStringBytes));
}

void clean_process(v1::Process* process) {
  clean_label(process->mutable_executable());
  clean_label(process->mutable_command());
}

absl::Status clean_actor(v1::Actor* actor) {
  if (static_cast<std::size_t>(actor->lineage_size()) > limits::kLineage) {
    return absl::InvalidArgumentError(
        absl::StrCat("event's lineage has ", actor->lineage_size(), " processes, the limit is ", limits::kLineage));
  }
  clean_label(actor->mutable_domain_name());
  clean_label(actor->mutable_cgroup());
  if (actor->has_process()) clean_process(actor->mutable_process());
  for (v1::Process& ancestor : *actor->mutable_lineage()) clean_process(&ancestor);
  if (auto status = clean_identity("actor.tenant", actor->mutable_tenant()); !status.ok()) return status;
  return clean_identity("actor.domain_uuid", actor->mutable_domain_uuid());
}

absl::Status clean_object(v1::Object* object) {
  clean_label(object->mutable_domain_name());
  if (object->has_vmm()) clean_process(object->mutable_vmm());
  if (auto status = clean_identity("object.tenant", object->mutable_tenant()); !status.ok()) return status;
  if (auto status = clean_identity("object.domain_uuid", object->mutable_domain_uuid()); !status.ok()) return status;
  return clean_identity("object.id", object->mutable_id());
}

absl::Status clean_delivery(v1::FrameDelivery* delivery) {
  for (const std::string* mac : {&delivery->source_mac(), &delivery->destination_mac()}) {
    if (!mac->empty() && mac->size() != 6) {
      return absl::InvalidArgumentError(absl::StrCat("event's MAC address has ", mac->size(), " bytes"));
    }
  }
  for (const std::string* address : {&delivery->source_address(), &delivery->destination_address()}) {
    if (!address->empty() && address->size() != 4 && address->size() != 16) {
      return absl::InvalidArgumentError(absl::StrCat("event's network address has ", address->size(), " bytes"));
    }
  }
  if (auto status = clean_identity("source_port", delivery->mutable_source_port()); !status.ok()) return status;
  if (auto status = clean_identity("destination_port", delivery->mutable_destination_port()); !status.ok()) {
    return status;
  }
  return clean_identity("source_mac_tenant", delivery->mutable_source_mac_tenant());
}

absl::Status clean_tenant_change(v1::TenantChange* change) {
  if (auto status = clean_identity("old_tenant", change->mutable_old_tenant()); !status.ok()) return status;
  return clean_identity("new_tenant", change->mutable_new_tenant());
}

absl::Status clean_grant_change(v1::GrantChange* change) {
  clean_label(change->mutable_by());
  clean_label(change->mutable_why());
  if (change->ByteSizeLong() <= limits::kGrantChangeBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("event's grant has ", change->ByteSizeLong(), " bytes, the limit is ", limits::kGrantChangeBytes));
}

absl::Status clean_policy_change(v1::PolicyChange* change) {
  clean_label(change->mutable_old_version());
  clean_label(change->mutable_new_version());
  return clean_identity("sha256", change->mutable_sha256());
}

absl::Status clean_control_call(v1::ControlCall* call) {
  clean_label(call->mutable_procedure());
  clean_label(call->mutable_verb());
  if (call->has_daemon()) clean_process(call->mutable_daemon());
  const std::size_t address = call->peer_address().size();
  if (address == 0 || address == 4 || address == 16) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("event's network address has ", address, " bytes"));
}

absl::Status clean_coverage_change(v1::CoverageChange* change) {
  for (std::string* label : {change->mutable_mechanism(), change->mutable_reason(), change->mutable_old_agent_version(),
                             change->mutable_new_agent_version(), change->mutable_old_kernel_release(),
                             change->mutable_new_kernel_release()}) {
    clean_label(label);
  }
  return absl::OkStatus();
}

absl::Status clean_wipe_record(v1::WipeRecord* record) {
  clean_label(record->mutable_identity());
  for (std::string& host : *record->mutable_hosts()) clean_label(&host);
  if (auto status = clean_identity("previous_tenant", record->mutable_previous_tenant()); !status.ok()) return status;
  return clean_identity("next_tenant", record->mutable_next_tenant());
}

absl::Status clean_shared_volume(v1::SharedVolume* shared) {
  clean_label(shared->mutable_identity());
  for (v1::VolumeHolder& holder : *shared->mutable_holders()) {
    for (std::string* label : {holder.mutable_host_id(), holder.mutable_domain_uuid(), holder.mutable_domain_name(),
                               holder.mutable_source()}) {
      clean_label(label);
    }
    if (auto status = clean_identity("tenant", holder.mutable_tenant()); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status clean_payload(v1::Event* event) {
  switch (event->payload_case()) {
    case v1::Event::kFrameDelivery:
      return clean_delivery(event->mutable_frame_delivery());
    case v1::Event::kTenantChange:
      return clean_tenant_change(event->mutable_tenant_change());
    case v1::Event::kGrantChange:
      return clean_grant_change(event->mutable_grant_change());
    case v1::Event::kPolicyChange:
      return clean_policy_change(event->mutable_policy_change());
    case v1::Event::kControlCall:
      return clean_control_call(event->mutable_control_call());
    case v1::Event::kSensorFault:
      clean_label(event->mutable_sensor_fault()->mutable_detail());
      return absl::OkStatus();
    case v1::Event::kCoreDump:
      clean_label(event->mutable_core_dump()->mutable_pattern());
      return absl::OkStatus();
    case v1::Event::kClaim:
      clean_label(event->mutable_claim()->mutable_target());
      clean_label(event->mutable_claim()->mutable_image());
      return absl::OkStatus();
    case v1::Event::kVolumeChange:
      clean_label(event->mutable_volume_change()->mutable_other_path());
      return absl::OkStatus();
    case v1::Event::kVolumeMapping:
      clean_label(event->mutable_volume_mapping()->mutable_name());
      clean_label(event->mutable_volume_mapping()->mutable_type());
      return absl::OkStatus();
    case v1::Event::kResidueRead:
      return clean_identity("previous_tenant", event->mutable_residue_read()->mutable_previous_tenant());
    case v1::Event::kWipeRecord:
      return clean_wipe_record(event->mutable_wipe_record());
    case v1::Event::kSharedVolume:
      return clean_shared_volume(event->mutable_shared_volume());
    case v1::Event::kCoverageChange:
      return clean_coverage_change(event->mutable_coverage_change());
    case v1::Event::kMemoryAccess:
    case v1::Event::kFileOpen:
    case v1::Event::kLoss:
    case v1::Event::kEndpointAccess:
    case v1::Event::kVmmAct:
    case v1::Event::kHolding:
    case v1::Event::kPageMerge:
    case v1::Event::kSiblingTime:
    case v1::Event::kVolumeIo:
    case v1::Event::kAgentStop:
    case v1::Event::PAYLOAD_NOT_SET:
      return absl::OkStatus();
  }
  return absl::OkStatus();
}

absl::Status clean(v1::Event* event) {
  clean_label(event->mutable_path());
  if (event->has_actor()) {
    if (auto status = clean_actor(event->mutable_actor()); !status.ok()) return status;
  }
  if (event->has_object()) {
    if (auto status = clean_object(event->mutable_object()); !status.ok()) return status;
  }
  return clean_payload(event);
}

// What an event can cost beyond its own flat size: tags, lengths and indexes of the packed shape.
constexpr std::size_t kEventOverhead = 256;

}  // namespace

class Packer::Tables {
 public:
  Tables(std::string host_id, std::string boot_id, std::uint64_t first_sequence) {
    batch_.set_host_id(std::move(host_id));
    batch_.set_boot_id(std::move(boot_id));
    batch_.set_first_sequence(first_sequence);
    string("");
  }

  // The packed size never passes the sum of flat sizes, so one sum keeps both to their limits.
  bool has_room(std::size_t flat_size) const {
    return static_cast<std::size_t>(batch_.events_size()) < limits::kEventsPerBatch &&
           bytes_ + flat_size + kEventOverhead + 2 * limits::kHostIdBytes <= limits::kBatchBytes;
  }

  void add(const v1::Event& event, std::size_t flat_size, std::int64_t time_ns, std::int64_t boot_offset_ns) {
    if (batch_.events_size() == 0) {
      batch_.set_base_time_ns(static_cast<std::uint64_t>(time_ns));
      batch_.set_boot_offset_ns(boot_offset_ns);
      previous_time_ns_ = time_ns;
    }
    bytes_ += flat_size + kEventOverhead;
    v1::PackedEvent* packed = batch_.add_events();
    packed->set_time_delta_ns(time_ns - previous_time_ns_);
    packed->set_boot_offset_delta_ns(boot_offset_ns - batch_.boot_offset_ns());
    previous_time_ns_ = time_ns;
    packed->set_actor(actor(event.actor()));
    packed->set_object(object(event.object()));
    packed->set_thread_id_delta(static_cast<std::int32_t>(event.actor().thread_id() - event.actor().process().pid()));
    packed->set_probe(event.probe());
    packed->set_path_string(string(event.path()));
    payload(event, packed);
  }

  bool offset_fits(std::int64_t boot_offset_ns) const {
    std::int64_t delta;
    return batch_.events_size() == 0 ||
           !__builtin_sub_overflow(boot_offset_ns, static_cast<std::int64_t>(batch_.boot_offset_ns()), &delta);
  }

  std::size_t size() const { return static_cast<std::size_t>(batch_.events_size()); }
  v1::EventBatch finish() { return std::move(batch_); }

 private:
  std::uint32_t string(const std::string& text) {
    const auto [entry, is_new] = strings_.try_emplace(text, static_cast<std::uint32_t>(strings_.size()));
    if (is_new) batch_.add_strings(text);
    return entry->second;
  }

  template <typename Message, typename Table>
  std::uint32_t entry(Message packed, absl::flat_hash_map<std::string, std::uint32_t>* index, Table* table) {
    const auto [found, is_new] =
        index->try_emplace(packed.SerializeAsString(), static_cast<std::uint32_t>(index->size()));
    if (is_new) *table->Add() = std::move(packed);
    return found->second;
  }

  void process(const v1::Process& from, v1::PackedProcess* to) {
    to->set_pid(from.pid());
    to->set_start_time_ns(from.start_time_ns());
    to->set_executable_string(string(from.executable()));
    to->set_command_string(string(from.command()));
  }

  std::uint32_t actor(const v1::Actor& from) {
    v1::PackedActor to;
    to.set_tenant_string(string(from.tenant()));
    to.set_domain_uuid_string(string(from.domain_uuid()));
    to.set_domain_name_string(string(from.domain_name()));
    if (from.has_process()) process(from.process(), to.mutable_process());
    to.set_uid(from.uid());
    to.set_login_uid(from.login_uid());
    for (const v1::Process& ancestor : from.lineage()) process(ancestor, to.add_lineage());
    to.set_cgroup_string(string(from.cgroup()));
    to.set_trusted_service(from.trusted_service());
    return entry(std::move(to), &actors_, batch_.mutable_actors());
  }

  std::uint32_t object(const v1::Object& from) {
    v1::PackedObject to;
    to.set_kind(from.kind());
    to.set_tenant_string(string(from.tenant()));
    to.set_domain_uuid_string(string(from.domain_uuid()));
    to.set_domain_name_string(string(from.domain_name()));
    to.set_id_string(string(from.id()));
    if (from.has_vmm()) process(from.vmm(), to.mutable_vmm());
    return entry(std::move(to), &objects_, batch_.mutable_objects());
  }

  void delivery(const v1::FrameDelivery& from, v1::PackedFrameDelivery* to) {
    to->set_source_port_string(string(from.source_port()));
    to->set_destination_port_string(string(from.destination_port()));
    to->set_source_ifindex(from.source_ifindex());
    to->set_destination_ifindex(from.destination_ifindex());
    to->set_network_namespace(from.network_namespace());
    to->set_source_mac(from.source_mac());
    to->set_destination_mac(from.destination_mac());
    to->set_ethertype(from.ethertype());
    to->set_source_address(from.source_address());
    to->set_destination_address(from.destination_address());
    to->set_ip_protocol(from.ip_protocol());
    to->set_frames(from.frames());
    to->set_bytes(from.bytes());
    to->set_source_mac_tenant_string(string(from.source_mac_tenant()));
  }

  void payload(const v1::Event& from, v1::PackedEvent* to) {
    switch (from.payload_case()) {
#define BULKHEAD_COPY_PAYLOAD(one, field)  \
  case v1::Event::one:                     \
    *to->mutable_##field() = from.field(); \
    break;
      BULKHEAD_PLAIN_PAYLOADS(BULKHEAD_COPY_PAYLOAD)
#undef BULKHEAD_COPY_PAYLOAD
      case v1::Event::kFrameDelivery:
        delivery(from.frame_delivery(), to->mutable_frame_delivery());
        break;
      case v1::Event::PAYLOAD_NOT_SET:
        break;
    }
  }

  v1::EventBatch batch_;
  std::size_t bytes_ = 0;
  std::int64_t previous_time_ns_ = 0;
  absl::flat_hash_map<std::string, std::uint32_t> strings_;
  absl::flat_hash_map<std::string, std::uint32_t> actors_;
  absl::flat_hash_map<std::string, std::uint32_t> objects_;
};

Packer::Packer(std::string host_id, std::string boot_id, std::uint64_t first_sequence)
    : tables_(std::make_unique<Tables>(std::move(host_id), std::move(boot_id), first_sequence)) {}
Packer::~Packer() = default;

absl::StatusOr<Packer::Added> Packer::add(v1::Event event) {
  event.clear_host_id();
  event.clear_boot_id();
  if (auto status = clean(&event); !status.ok()) return status;
  const std::optional<std::int64_t> time_ns = nanoseconds_of(event.time());
  if (!time_ns || event.boot_time_ns() > std::numeric_limits<std::int64_t>::max()) {
    return absl::InvalidArgumentError(absl::StrCat("event's time ", event.time().seconds(), ".", event.time().nanos(),
                                                   " s or boot time ", event.boot_time_ns(), " ns is out of range"));
  }
  // Both are in [0, 2^63), so the difference fits.
  const std::int64_t boot_offset_ns = *time_ns - static_cast<std::int64_t>(event.boot_time_ns());
  const std::size_t flat_size = event.ByteSizeLong();
  if (flat_size + kEventOverhead > limits::kBatchBytes / 2) {
    return absl::InvalidArgumentError(absl::StrCat("event of ", flat_size, " bytes is too large for a batch"));
  }
  if (!tables_->has_room(flat_size) || !tables_->offset_fits(boot_offset_ns)) return Added::kFull;
  tables_->add(event, flat_size, *time_ns, boot_offset_ns);
  return Added::kYes;
}

std::size_t Packer::size() const {
  return tables_->size();
}
v1::EventBatch Packer::finish() {
  return tables_->finish();
}

absl::StatusOr<std::vector<v1::EventBatch>> pack(std::span<const v1::Event> events) {
  std::vector<v1::EventBatch> batches;
  std::optional<Packer> packer;
  for (std::size_t i = 0; i < events.size(); ++i) {
    const v1::Event& event = events[i];
    const v1::Event& first = events.front();
    if (event.host_id() != first.host_id() || event.boot_id() != first.boot_id() ||
        event.sequence() != first.sequence() + i) {
      return absl::InvalidArgumentError(absl::StrCat("event ", i, " does not follow the one before it: sequence ",
                                                     event.sequence(), ", expected ", first.sequence() + i,
                                                     " of the same host and boot"));
    }
    if (!packer) packer.emplace(event.host_id(), event.boot_id(), event.sequence());
    absl::StatusOr<Packer::Added> added = packer->add(event);
    if (added.ok() && *added == Packer::Added::kFull) {
      batches.push_back(packer->finish());
      packer.emplace(event.host_id(), event.boot_id(), event.sequence());
      added = packer->add(event);
    }
    if (!added.ok()) return added.status();
  }
  if (packer) batches.push_back(packer->finish());
  for (const v1::EventBatch& batch : batches) {
    if (auto status = validate(batch); !status.ok()) return status;
  }
  return batches;
}

}  // namespace bulkhead::batch
