#include <initializer_list>
#include <limits>

#include "absl/strings/str_cat.h"
#include "proto/batch/batch.h"
#include "proto/batch/limits.h"
#include "proto/batch/utf8.h"

namespace bulkhead::batch {
namespace {

using absl::InvalidArgumentError;
using absl::StrCat;

// One pass over a batch; the first fault ends it.
class Validator {
 public:
  explicit Validator(const v1::EventBatch& batch) : batch_(batch) {}

  absl::Status run() {
    if (auto status = identity(); !status.ok()) return status;
    if (auto status = tables(); !status.ok()) return status;
    return events();
  }

 private:
  absl::Status identity() const {
    if (batch_.host_id().empty() || batch_.host_id().size() > limits::kHostIdBytes || !is_utf8(batch_.host_id())) {
      return InvalidArgumentError(StrCat("batch's host id of ", batch_.host_id().size(), " bytes is not valid"));
    }
    if (batch_.boot_id().empty() || batch_.boot_id().size() > limits::kHostIdBytes || !is_utf8(batch_.boot_id())) {
      return InvalidArgumentError(StrCat("batch's boot id of ", batch_.boot_id().size(), " bytes is not valid"));
    }
    const auto count = static_cast<std::size_t>(batch_.events_size());
    if (count == 0 || count > limits::kEventsPerBatch) {
      return InvalidArgumentError(StrCat("batch has ", count, " events, 1 to ", limits::kEventsPerBatch, " are valid"));
    }
    const std::uint64_t first = batch_.first_sequence();
    if (first == 0 || first > std::numeric_limits<std::uint64_t>::max() - count) {
      return InvalidArgumentError(StrCat("batch's first sequence ", first, " is not valid"));
    }
    const std::size_t bytes = batch_.ByteSizeLong();
    if (bytes > limits::kBatchBytes) {
      return InvalidArgumentError(StrCat("batch has ", bytes, " bytes, the limit is ", limits::kBatchBytes));
    }
    return absl::OkStatus();
  }

  absl::Status tables() {
    const auto strings = static_cast<std::size_t>(batch_.strings_size());
    const auto actors = static_cast<std::size_t>(batch_.actors_size());
    const auto objects = static_cast<std::size_t>(batch_.objects_size());
    if (strings == 0 || strings > limits::kStringsPerBatch || !batch_.strings(0).empty()) {
      return InvalidArgumentError(StrCat("batch's string table of ", strings, " entries is not valid"));
    }
    if (actors > limits::kEventsPerBatch || objects > limits::kEventsPerBatch) {
      return InvalidArgumentError(StrCat("batch has ", actors, " actors and ", objects, " objects, the limit is ",
                                         limits::kEventsPerBatch, " each"));
    }
    for (const std::string& text : batch_.strings()) {
      if (text.size() > limits::kStringBytes || !is_utf8(text)) {
        return InvalidArgumentError(
            StrCat("batch has a string of ", text.size(), " bytes that is too long or no UTF-8"));
      }
    }
    for (const v1::PackedActor& actor : batch_.actors()) {
      const std::size_t bytes = actor_bytes(actor);
      if (bytes == kInvalid) return InvalidArgumentError("batch has an actor that is not valid");
      actor_bytes_.push_back(bytes);
    }
    for (const v1::PackedObject& object : batch_.objects()) {
      const std::size_t bytes = object_bytes(object);
      if (bytes == kInvalid) return InvalidArgumentError("batch has an object that is not valid");
      object_bytes_.push_back(bytes);
    }
    return absl::OkStatus();
  }

  absl::Status events() {
    if (batch_.base_time_ns() > std::numeric_limits<std::int64_t>::max()) {
      return InvalidArgumentError(StrCat("batch's base time ", batch_.base_time_ns(), " ns is out of range"));
    }
    auto time_ns = static_cast<std::int64_t>(batch_.base_time_ns());
    std::size_t unpacked = 0;
    for (int i = 0; i < batch_.events_size(); ++i) {
      const v1::PackedEvent& event = batch_.events(i);
      if (event.actor() >= actor_bytes_.size() || event.object() >= object_bytes_.size()) {
        return InvalidArgumentError(StrCat("batch's event ", i, " refers to actor ", event.actor(), " of ",
                                           actor_bytes_.size(), ", object ", event.object(), " of ",
                                           object_bytes_.size()));
      }
      if (!times_fit(event, &time_ns)) return InvalidArgumentError(StrCat("batch's event ", i, " has no valid time"));
      const std::size_t own = own_bytes(event);
      if (own == kInvalid) return InvalidArgumentError(StrCat("batch's event ", i, " has no valid path or payload"));
      unpacked += own + actor_bytes_[event.actor()] + object_bytes_[event.object()];
      if (unpacked > limits::kUnpackedBytes) {
        return InvalidArgumentError(StrCat("batch unpacks to more than ", limits::kUnpackedBytes, " bytes"));
      }
    }
    return absl::OkStatus();
  }

  bool times_fit(const v1::PackedEvent& event, std::int64_t* time_ns) const {
    std::int64_t offset;
    std::int64_t boot_time;
    return !__builtin_add_overflow(*time_ns, event.time_delta_ns(), time_ns) && *time_ns >= 0 &&
           !__builtin_add_overflow(batch_.boot_offset_ns(), event.boot_offset_delta_ns(), &offset) &&
           !__builtin_sub_overflow(*time_ns, offset, &boot_time) && boot_time >= 0;
  }

  // What the strings of a thing come to when it is unpacked; kInvalid when an index is out of range.
  static constexpr std::size_t kInvalid = std::numeric_limits<std::size_t>::max();

  std::size_t sum(std::initializer_list<std::uint32_t> indexes) const {
    std::size_t bytes = 0;
    for (const std::uint32_t index : indexes) {
      if (index >= static_cast<std::size_t>(batch_.strings_size())) return kInvalid;
      bytes += batch_.strings(static_cast<int>(index)).size();
    }
    return bytes;
  }

  std::size_t process_bytes(const v1::PackedProcess& process) const {
    return sum({process.executable_string(), process.command_string()});
  }

  std::size_t actor_bytes(const v1::PackedActor& actor) const {
    if (static_cast<std::size_t>(actor.lineage_size()) > limits::kLineage) return kInvalid;
    std::size_t bytes =
        sum({actor.tenant_string(), actor.domain_uuid_string(), actor.domain_name_string(), actor.cgroup_string()});
    const std::size_t process = process_bytes(actor.process());
    if (bytes == kInvalid || process == kInvalid) return kInvalid;
    bytes += process;
    for (const v1::PackedProcess& ancestor : actor.lineage()) {
      const std::size_t ancestor_bytes = process_bytes(ancestor);
      if (ancestor_bytes == kInvalid) return kInvalid;
      bytes += ancestor_bytes;
    }
    return bytes;
  }

  std::size_t object_bytes(const v1::PackedObject& object) const {
    const std::size_t bytes =
        sum({object.tenant_string(), object.domain_uuid_string(), object.domain_name_string(), object.id_string()});
    const std::size_t vmm = process_bytes(object.vmm());
    return bytes == kInvalid || vmm == kInvalid ? kInvalid : bytes + vmm;
  }

  std::size_t own_bytes(const v1::PackedEvent& event) const {
    const std::size_t path = sum({event.path_string()});
    const std::size_t payload = payload_bytes(event);
    return path == kInvalid || payload == kInvalid ? kInvalid : path + payload;
  }

  std::size_t payload_bytes(const v1::PackedEvent& event) const {
    switch (event.payload_case()) {
      case v1::PackedEvent::kFrameDelivery:
        return delivery_bytes(event.frame_delivery());
      case v1::PackedEvent::kTenantChange:
        return tenant_change_bytes(event.tenant_change());
      case v1::PackedEvent::kGrantChange:
        return bounded(event.grant_change().ByteSizeLong(), limits::kGrantChangeBytes);
      case v1::PackedEvent::kPolicyChange:
        return bounded(event.policy_change().ByteSizeLong(), 3 * limits::kStringBytes);
      case v1::PackedEvent::kControlCall:
        return control_call_bytes(event.control_call());
      case v1::PackedEvent::kSensorFault:
        return bounded(event.sensor_fault().ByteSizeLong(), 2 * limits::kStringBytes);
      case v1::PackedEvent::kCoreDump:
        return bounded(event.core_dump().ByteSizeLong(), 2 * limits::kStringBytes);
      case v1::PackedEvent::kClaim:
        return bounded(event.claim().ByteSizeLong(), 2 * limits::kStringBytes);
      case v1::PackedEvent::kVolumeChange:
        return bounded(event.volume_change().ByteSizeLong(), 2 * limits::kStringBytes);
      case v1::PackedEvent::kVolumeMapping:
        return bounded(event.volume_mapping().ByteSizeLong(), 3 * limits::kStringBytes);
      case v1::PackedEvent::kResidueRead:
        return bounded(event.residue_read().ByteSizeLong(), 2 * limits::kStringBytes);
      case v1::PackedEvent::kWipeRecord:
        return bounded(event.wipe_record().ByteSizeLong(), 8 * limits::kStringBytes);
      case v1::PackedEvent::kSharedVolume:
        return bounded(event.shared_volume().ByteSizeLong(), limits::kSharedVolumeBytes);
      case v1::PackedEvent::kCoverageChange:
        return bounded(event.coverage_change().ByteSizeLong(), 7 * limits::kStringBytes);
      case v1::PackedEvent::kMemoryAccess:
      case v1::PackedEvent::kFileOpen:
      case v1::PackedEvent::kLoss:
      case v1::PackedEvent::kEndpointAccess:
      case v1::PackedEvent::kVmmAct:
      case v1::PackedEvent::kHolding:
      case v1::PackedEvent::kPageMerge:
      case v1::PackedEvent::kSiblingTime:
      case v1::PackedEvent::kVolumeIo:
      case v1::PackedEvent::kAgentStop:
      case v1::PackedEvent::PAYLOAD_NOT_SET:
        return 0;
    }
    return kInvalid;
  }

  static bool is_address(const std::string& bytes) { return bytes.empty() || bytes.size() == 4 || bytes.size() == 16; }

  // Procedure, verb, and the daemon's executable and command.
  static std::size_t control_call_bytes(const v1::ControlCall& call) {
    if (!is_address(call.peer_address())) return kInvalid;
    return bounded(call.ByteSizeLong(), 5 * limits::kStringBytes);
  }

  std::size_t delivery_bytes(const v1::PackedFrameDelivery& delivery) const {
    const auto is_mac = [](const std::string& bytes) { return bytes.empty() || bytes.size() == 6; };
    if (!is_mac(delivery.source_mac()) || !is_mac(delivery.destination_mac())) return kInvalid;
    if (!is_address(delivery.source_address()) || !is_address(delivery.destination_address())) return kInvalid;
    return sum(
        {delivery.source_port_string(), delivery.destination_port_string(), delivery.source_mac_tenant_string()});
  }

  // Protobuf refuses strings that are no UTF-8 by itself.
  static std::size_t bounded(std::size_t bytes, std::size_t limit) { return bytes <= limit ? bytes : kInvalid; }

  static std::size_t tenant_change_bytes(const v1::TenantChange& change) {
    for (const std::string* tenant : {&change.old_tenant(), &change.new_tenant()}) {
      if (tenant->size() > limits::kStringBytes || !is_utf8(*tenant)) return kInvalid;
    }
    return change.old_tenant().size() + change.new_tenant().size();
  }

  const v1::EventBatch& batch_;
  std::vector<std::size_t> actor_bytes_;
  std::vector<std::size_t> object_bytes_;
};

}  // namespace

absl::Status validate(const v1::EventBatch& batch) {
  return Validator(batch).run();
}

}  // namespace bulkhead::batch
