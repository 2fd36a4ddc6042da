#include "agent/attribute/describe_owner.h"
#include "agent/attribute/describer.h"
#include "agent/attribute/operations.h"

namespace bulkhead::attribute {

void Describer::describe(const decode::VolumeChangeRecord& record, v1::Event& event) {
  describe_actor(record.header, *event.mutable_actor());
  v1::Object& object = *event.mutable_object();
  object.set_kind(v1::OBJECT_KIND_VOLUME);
  describe_owner({record.header.object.tenant, record.header.object.domain}, ownership_.registry(), object);
  object.set_id(name_of_file(object.kind(), record.file, record.path));
  // An actor in a mount namespace of its own may have the file where none of its mounts shows all of the file system.
  event.set_path(record.path.empty() ? object.id() : record.path);
  *event.mutable_volume_change() = record.change;
  event.mutable_actor()->set_trusted_service(is_trusted(record.header, operations_of(record.change), event));
}

}  // namespace bulkhead::attribute
