#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/batch/batch.h"
#include "proto/batch/event_time.h"
#include "proto/batch/limits.h"
#include "proto/batch/plain_payloads.h"

namespace bulkhead::batch {
namespace {

// Of a batch that is valid: no index needs a check.
class Unpacker {
 public:
  explicit Unpacker(const v1::EventBatch& batch) : batch_(batch) {
    actors_.reserve(static_cast<std::size_t>(batch.actors_size()));
    for (const v1::PackedActor& packed : batch.actors()) actors_.push_back(actor(packed));
    objects_.reserve(static_cast<std::size_t>(batch.objects_size()));
    for (const v1::PackedObject& packed : batch.objects()) objects_.push_back(object(packed));
  }

  std::vector<v1::Event> events() const {
    std::vector<v1::Event> events;
    events.reserve(static_cast<std::size_t>(batch_.events_size()));
    auto time_ns = static_cast<std::int64_t>(batch_.base_time_ns());
    std::uint64_t sequence = batch_.first_sequence();
    for (const v1::PackedEvent& packed : batch_.events()) {
      v1::Event& event = events.emplace_back();
      event.set_host_id(batch_.host_id());
      event.set_boot_id(batch_.boot_id());
      event.set_sequence(sequence++);
      time_ns += packed.time_delta_ns();
      set_nanoseconds(time_ns, event.mutable_time());
      event.set_boot_time_ns(
          static_cast<std::uint64_t>(time_ns - (batch_.boot_offset_ns() + packed.boot_offset_delta_ns())));
      event.set_probe(packed.probe());
      if (batch_.actors(static_cast<int>(packed.actor())).ByteSizeLong() > 0 || packed.thread_id_delta() != 0) {
        v1::Actor* actor = event.mutable_actor();
        *actor = actors_[packed.actor()];
        actor->set_thread_id(actor->process().pid() + static_cast<std::uint32_t>(packed.thread_id_delta()));
      }
      if (batch_.objects(static_cast<int>(packed.object())).ByteSizeLong() > 0) {
        *event.mutable_object() = objects_[packed.object()];
      }
      event.set_path(string(packed.path_string()));
      payload(packed, &event);
    }
    return events;
  }

 private:
  const std::string& string(std::uint32_t index) const { return batch_.strings(static_cast<int>(index)); }

  void process(const v1::PackedProcess& from, v1::Process* to) const {
    to->set_pid(from.pid());
    to->set_start_time_ns(from.start_time_ns());
    to->set_executable(string(from.executable_string()));
    to->set_command(string(from.command_string()));
  }

  v1::Actor actor(const v1::PackedActor& from) const {
    v1::Actor to;
    to.set_tenant(string(from.tenant_string()));
    to.set_domain_uuid(string(from.domain_uuid_string()));
    to.set_domain_name(string(from.domain_name_string()));
    if (from.has_process()) process(from.process(), to.mutable_process());
    to.set_uid(from.uid());
    to.set_login_uid(from.login_uid());
    for (const v1::PackedProcess& ancestor : from.lineage()) process(ancestor, to.add_lineage());
    to.set_cgroup(string(from.cgroup_string()));
    to.set_trusted_service(from.trusted_service());
    return to;
  }

  v1::Object object(const v1::PackedObject& from) const {
    v1::Object to;
    to.set_kind(from.kind());
    to.set_tenant(string(from.tenant_string()));
    to.set_domain_uuid(string(from.domain_uuid_string()));
    to.set_domain_name(string(from.domain_name_string()));
    to.set_id(string(from.id_string()));
    if (from.has_vmm()) process(from.vmm(), to.mutable_vmm());
    return to;
  }

  void delivery(const v1::PackedFrameDelivery& from, v1::FrameDelivery* to) const {
    to->set_source_port(string(from.source_port_string()));
    to->set_destination_port(string(from.destination_port_string()));
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
    to->set_source_mac_tenant(string(from.source_mac_tenant_string()));
  }

  void payload(const v1::PackedEvent& from, v1::Event* to) const {
    switch (from.payload_case()) {
#define BULKHEAD_COPY_PAYLOAD(one, field)  \
  case v1::PackedEvent::one:               \
    *to->mutable_##field() = from.field(); \
    break;
      BULKHEAD_PLAIN_PAYLOADS(BULKHEAD_COPY_PAYLOAD)
#undef BULKHEAD_COPY_PAYLOAD
      case v1::PackedEvent::kFrameDelivery:
        delivery(from.frame_delivery(), to->mutable_frame_delivery());
        break;
      case v1::PackedEvent::PAYLOAD_NOT_SET:
        break;
    }
  }

  const v1::EventBatch& batch_;
  std::vector<v1::Actor> actors_;
  std::vector<v1::Object> objects_;
};

}  // namespace

absl::StatusOr<std::vector<v1::Event>> unpack(const v1::EventBatch& batch) {
  if (auto status = validate(batch); !status.ok()) return status;
  return Unpacker(batch).events();
}

absl::StatusOr<v1::EventBatch> parse(std::string_view bytes) {
  if (bytes.size() > limits::kBatchBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("batch has ", bytes.size(), " bytes, the limit is ", limits::kBatchBytes));
  }
  v1::EventBatch batch;
  if (!batch.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::InvalidArgumentError(absl::StrCat("batch of ", bytes.size(), " bytes cannot be parsed"));
  }
  return batch;
}

v1::EventBatch slice_from(v1::EventBatch batch, std::uint64_t sequence) {
  if (sequence <= batch.first_sequence()) return batch;
  const auto count = static_cast<std::uint64_t>(batch.events_size());
  const std::uint64_t dropped = std::min(sequence - batch.first_sequence(), count);
  std::int64_t time_ns = static_cast<std::int64_t>(batch.base_time_ns());
  for (std::uint64_t i = 0; i < dropped; ++i) time_ns += batch.events(static_cast<int>(i)).time_delta_ns();
  batch.set_base_time_ns(static_cast<std::uint64_t>(time_ns));
  batch.mutable_events()->DeleteSubrange(0, static_cast<int>(dropped));
  batch.set_first_sequence(batch.first_sequence() + dropped);
  return batch;
}

}  // namespace bulkhead::batch
