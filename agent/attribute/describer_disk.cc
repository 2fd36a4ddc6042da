#include "agent/attribute/describe_owner.h"
#include "agent/attribute/describer.h"

namespace bulkhead::attribute {

// What was read is the last tenant's.
void Describer::describe(const decode::ResidueRecord& record, v1::Event& event) {
  describe_actor(record.header, *event.mutable_actor());
  const ownership::Residue residue = ownership_.residue(key_of(record.file));
  v1::Object& object = *event.mutable_object();
  object.set_kind(v1::OBJECT_KIND_VOLUME);
  object.set_tenant(residue.previous_tenant);
  object.set_id(name_of_file(object.kind(), record.file, ""));
  v1::ResidueRead& read = *event.mutable_residue_read();
  read = record.residue;
  read.set_previous_tenant(residue.previous_tenant);
  read.set_unobserved_ns(residue.unobserved_ns);
}

}  // namespace bulkhead::attribute
