#include "agent/spool/loss.h"

#include "proto/batch/event_time.h"
#include "proto/batch/probe_name.h"

namespace bulkhead::spool {

v1::Event loss_event(v1::Probe lost, std::uint64_t count, v1::Loss::Place place, std::uint64_t window_start_ns,
                     const Moment& now) {
  v1::Event event;
  batch::set_nanoseconds(now.wall_ns, event.mutable_time());
  event.set_boot_time_ns(now.boot_ns);
  event.set_probe(v1::PROBE_AGENT);
  event.mutable_actor()->set_tenant("host");
  v1::Object* object = event.mutable_object();
  object->set_kind(v1::OBJECT_KIND_PROBE);
  object->set_tenant("host");
  object->set_id(batch::probe_name(lost));
  v1::Loss* loss = event.mutable_loss();
  loss->set_probe(lost);
  loss->set_count(count);
  loss->set_place(place);
  loss->set_window_start_ns(window_start_ns);
  loss->set_window_end_ns(now.boot_ns);
  return event;
}

}  // namespace bulkhead::spool
