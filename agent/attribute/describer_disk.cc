// What records of the probes in ebpf/probes/disk say, but for opens.
#include "absl/strings/str_cat.h"
#include "agent/attribute/describe_owner.h"
#include "agent/attribute/describer.h"
#include "agent/attribute/operations.h"

namespace bulkhead::attribute {

namespace {

// For a volume that was released meanwhile, and has no name any more.
std::string name_of_key(const decode::FileKey& file) {
  const std::string device = absl::StrCat(file.device >> 20, ":", file.device & 0xfffff);
  return file.block_device ? absl::StrCat("block:", device) : absl::StrCat("file:", device, ":", file.inode);
}

}  // namespace

void Describer::describe(const decode::VolumeIoRecord& record, v1::Event& event) {
  v1::Actor& actor = *event.mutable_actor();
  describe_actor(record.header, actor);
  if (record.io.writeback()) {
    const ActorFacts* cgroup = actors_.find(record.header.actor_key);
    if (cgroup != nullptr) actor.set_cgroup(cgroup->cgroup);
  }
  v1::Object& object = *event.mutable_object();
  object.set_kind(v1::OBJECT_KIND_VOLUME);
  describe_owner({record.header.object.tenant, record.header.object.domain}, ownership_.registry(), object);
  object.set_id(name_of_file(v1::OBJECT_KIND_VOLUME, record.file, ""));
  if (object.id().empty()) object.set_id(name_of_key(record.file));
  *event.mutable_volume_io() = record.io;
  actor.set_trusted_service(is_trusted(record.header, operations_of(record.io), event));
}

// What was read is the last tenant's.
void Describer::describe(const decode::ResidueRecord& record, v1::Event& event) {
  describe_actor(record.header, *event.mutable_actor());
  const ownership::Residue residue = ownership_.residue(key_of(record.file));
  v1::Object& object = *event.mutable_object();
  object.set_kind(v1::OBJECT_KIND_VOLUME);
  object.set_tenant(residue.previous_tenant);
  object.set_id(name_of_file(object.kind(), record.file, ""));
  if (object.id().empty()) object.set_id(name_of_key(record.file));
  v1::ResidueRead& read = *event.mutable_residue_read();
  read = record.residue;
  read.set_previous_tenant(residue.previous_tenant);
  read.set_unobserved_ns(residue.unobserved_ns);
}

}  // namespace bulkhead::attribute
