// What an event says of a volume that can be reached through something else (DISK-03).
#include "agent/attribute/describe_owner.h"
#include "agent/attribute/describer.h"
#include "agent/attribute/operations.h"

namespace bulkhead::attribute {

void Describer::describe(const decode::MappingRecord& record, v1::Event& event) {
  describe_actor(record.header, *event.mutable_actor());
  v1::Object& object = *event.mutable_object();
  object.set_kind(v1::OBJECT_KIND_VOLUME);
  describe_owner({record.header.object.tenant, record.header.object.domain}, ownership_.registry(), object);
  object.set_id(name_of_file(object.kind(), record.volume, record.path));
  event.set_path(record.path);
  *event.mutable_volume_mapping() = record.mapping;
  event.mutable_actor()->set_trusted_service(is_trusted(record.header, operations_of(record.mapping), event));
}

}  // namespace bulkhead::attribute
