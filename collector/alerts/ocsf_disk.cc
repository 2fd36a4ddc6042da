#include "collector/alerts/ocsf_evidence.h"
#include "collector/alerts/ocsf_parts.h"

namespace bulkhead::alerts {

namespace {

Json extents_of(const google::protobuf::RepeatedPtrField<v1::Extent>& extents) {
  Json list = Json::array();
  for (const v1::Extent& extent : extents) list.push_back({{"offset", extent.offset()}, {"length", extent.length()}});
  return list;
}

void add_volume_io(const v1::VolumeIo& io, Json& data) {
  data["layer"] = enum_name(v1::VolumeIoLayer_descriptor(), io.layer(), "VOLUME_IO_LAYER_");
  data["reads"] = io.reads();
  data["bytes_read"] = io.bytes_read();
  data["writes"] = io.writes();
  data["bytes_written"] = io.bytes_written();
  data["bytes_discarded"] = io.bytes_discarded();
  data["bytes_mapped"] = io.bytes_mapped();
  data["window_ns"] = io.window_ns();
  data["device"] = io.device();
  data["inode"] = io.inode();
  data["generation"] = io.generation();
  data["after_detach"] = io.after_detach();
  data["writeback"] = io.writeback();
}

void add_volume_change(const v1::VolumeChange& change, Json& data) {
  data["change"] = enum_name(v1::VolumeChangeKind_descriptor(), change.kind(), "VOLUME_CHANGE_KIND_");
  data["result"] = change.result();
  data["other_path"] = change.other_path();
  data["length"] = change.length();
  data["device"] = change.device();
  data["inode"] = change.inode();
  data["generation"] = change.generation();
}

void add_volume_mapping(const v1::VolumeMapping& mapping, Json& data) {
  data["mapping"] = enum_name(v1::VolumeMappingKind_descriptor(), mapping.kind(), "VOLUME_MAPPING_KIND_");
  data["name"] = mapping.name();
  data["type"] = mapping.type();
  data["device"] = mapping.device();
  data["read_only"] = mapping.read_only();
  data["removed"] = mapping.removed();
}

void add_residue_read(const v1::ResidueRead& residue, Json& data) {
  data["previous_tenant"] = residue.previous_tenant();
  data["bytes"] = residue.bytes();
  data["reads"] = residue.reads();
  data["extents"] = extents_of(residue.extents());
  data["device"] = residue.device();
  data["unobserved_ns"] = residue.unobserved_ns();
  data["window_ns"] = residue.window_ns();
}

void add_wipe_record(const v1::WipeRecord& record, Json& data) {
  data["verdict"] = enum_name(v1::WipeVerdict_descriptor(), record.verdict(), "WIPE_VERDICT_");
  data["previous_tenant"] = record.previous_tenant();
  data["next_tenant"] = record.next_tenant();
  data["identity"] = record.identity();
  data["size"] = record.size();
  data["bytes_overwritten"] = record.bytes_overwritten();
  data["bytes_zeroed"] = record.bytes_zeroed();
  data["bytes_discarded"] = record.bytes_discarded();
  data["bytes_remaining"] = record.bytes_remaining();
  data["remaining"] = extents_of(record.remaining());
  data["remaining_extents"] = record.remaining_extents();
  data["granule"] = record.granule();
  if (record.has_released()) data["released"] = milliseconds(record.released());
  if (record.has_first_wiped()) data["first_wiped"] = milliseconds(record.first_wiped());
  if (record.has_last_wiped()) data["last_wiped"] = milliseconds(record.last_wiped());
  data["unobserved_ns"] = record.unobserved_ns();
  data["failed_writes"] = record.failed_writes();
  data["lost"] = record.lost();
  data["hosts"] = Json(record.hosts());
}

void add_shared_volume(const v1::SharedVolume& shared, Json& data) {
  data["identity"] = shared.identity();
  Json holders = Json::array();
  for (const v1::VolumeHolder& holder : shared.holders()) {
    holders.push_back({{"host", holder.host_id()},
                       {"tenant", holder.tenant()},
                       {"domain", {{"uid", holder.domain_uuid()}, {"name", holder.domain_name()}}},
                       {"source", holder.source()},
                       {"read_only", holder.read_only()}});
  }
  data["holders"] = std::move(holders);
}

}  // namespace

void add_disk_evidence(const v1::Event& event, Json& evidence, Json& data) {
  bool block_device = true;
  switch (event.payload_case()) {
    case v1::Event::kVolumeIo:
      block_device = event.volume_io().block_device();
      add_volume_io(event.volume_io(), data);
      break;
    case v1::Event::kVolumeChange:
      block_device = event.volume_change().block_device();
      add_volume_change(event.volume_change(), data);
      break;
    case v1::Event::kVolumeMapping:
      add_volume_mapping(event.volume_mapping(), data);
      break;
    case v1::Event::kResidueRead:
      add_residue_read(event.residue_read(), data);
      break;
    case v1::Event::kWipeRecord:
      add_wipe_record(event.wipe_record(), data);
      break;
    case v1::Event::kSharedVolume:
      add_shared_volume(event.shared_volume(), data);
      break;
    default:
      return;
  }
  if (!event.path().empty()) evidence["file"] = file(event.path(), block_device ? kBlockDevice : kRegularFile);
}

}  // namespace bulkhead::alerts
