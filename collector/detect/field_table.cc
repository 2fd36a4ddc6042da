#include "collector/detect/field_table.h"

#include <fmt/format.h>

#include "absl/strings/ascii.h"
#include "collector/detect/field_makers.h"

namespace bulkhead::detect {

Choices names_of(const google::protobuf::EnumDescriptor& descriptor, std::string_view prefix) {
  Choices choices;
  for (int i = 0; i < descriptor.value_count(); ++i) {
    const auto& value = *descriptor.value(i);
    if (value.number() == 0) continue;
    choices.emplace_back(absl::AsciiStrToLower(value.name().substr(prefix.size())), value.number());
  }
  return choices;
}

namespace {

Choices payload_names() {
  Choices choices;
  const auto& payload = *v1::Event::descriptor()->FindOneofByName("payload");
  for (int i = 0; i < payload.field_count(); ++i) {
    choices.emplace_back(payload.field(i)->name(), payload.field(i)->number());
  }
  return choices;
}

// A domain of unknown tenant is nobody else: its tenant key is equal only within that one domain.
bool cross_tenant(const v1::Event& event) {
  if ((kind_bit(event.payload_case()) & kAccesses) == 0) return false;
  const v1::Actor& actor = event.actor();
  const v1::Object& object = event.object();
  if (!same_tenant(actor.tenant(), object.tenant())) return true;
  if (!actor.tenant().starts_with("unknown:")) return false;
  return actor.domain_uuid().empty() || actor.domain_uuid() != object.domain_uuid();
}

void executables_of_lineage(const v1::Event& event, std::vector<std::string_view>& items) {
  for (const v1::Process& process : event.actor().lineage()) {
    if (!process.executable().empty()) items.push_back(process.executable());
  }
}

void commands_of_lineage(const v1::Event& event, std::vector<std::string_view>& items) {
  for (const v1::Process& process : event.actor().lineage()) {
    if (!process.command().empty()) items.push_back(process.command());
  }
}

// A pid is used again; with the start time it is not.
std::string process_text(const v1::Event& event) {
  const v1::Process& process = event.actor().process();
  return process.pid() == 0 ? std::string() : fmt::format("{}:{}", process.pid(), process.start_time_ns());
}

const v1::Process& parent(const v1::Event& event) {
  const auto& lineage = event.actor().lineage();
  return lineage.empty() ? v1::Process::default_instance() : lineage[0];
}

bool has_process(const v1::Event& event) {
  return event.actor().process().pid() != 0;
}

constexpr std::uint32_t kNoLogin = 4294967295u;

void add_event_fields(std::vector<Field>& table) {
  using E = const v1::Event&;
  table.push_back(
      choice("event.kind", kAllKinds, payload_names(), [](E e) -> int { return e.payload_case(); }, "what was seen"));
  table.push_back(choice(
      "event.probe", kAllKinds, names_of(*v1::Probe_descriptor(), "PROBE_"), [](E e) -> int { return e.probe(); },
      "the hook that saw it"));
  table.push_back(text("event.host", kAllKinds, [](E e) -> auto& { return e.host_id(); }, "id of the host"));
  table.push_back(number(
      "event.sequence", kAllKinds, [](E e) { return Value::of_number(e.sequence()); },
      "number of the event in its host's boot"));
  table.push_back(text(
      "event.path", kAllKinds, [](E e) -> auto& { return e.path(); },
      "path by which the object was reached; a label, never the proof"));
  table.push_back(flag(
      "event.cross_tenant", kAccesses, [](E e) { return cross_tenant(e); },
      "actor and object belong to different tenants; unknown is not equal"));
}

void add_actor_fields(std::vector<Field>& table) {
  using E = const v1::Event&;
  const auto all = kAllKinds;
  table.push_back(tenant(
      "actor.tenant", all, [](E e) -> auto& { return e.actor().tenant(); },
      "whose process acted; `host` for a process of no domain"));
  table.push_back(text(
      "actor.domain", all, [](E e) -> auto& { return e.actor().domain_name(); }, "name of the domain whose VMM acted"));
  table.push_back(text("actor.domain_uuid", all, [](E e) -> auto& { return e.actor().domain_uuid(); }, "its uuid"));
  table.push_back(flag(
      "actor.is_host", all, [](E e) { return e.actor().tenant() == "host"; }, "the actor is a process of the host"));
  table.push_back(flag(
      "actor.is_vmm", all, [](E e) { return !e.actor().domain_uuid().empty(); },
      "the actor is a VMM or descends from one"));
  table.push_back(flag(
      "actor.trusted", all, [](E e) { return e.actor().trusted_service(); },
      "a host service that the host's configuration trusts with this operation"));
  table.push_back(text(
      "actor.exe", all, [](E e) -> auto& { return e.actor().process().executable(); },
      "path of the executable; absent when it could not be resolved"));
  table.push_back(text(
      "actor.command", all, [](E e) -> auto& { return e.actor().process().command(); },
      "the kernel's task name, at most 15 bytes; the process chooses it"));
  table.push_back(number(
      "actor.pid", all, [](E e) { return Value::of_number(e.actor().process().pid(), has_process(e)); },
      "process id in the initial pid namespace"));
  table.push_back(made_text(
      "actor.process", all, [](E e) { return process_text(e); },
      "`<pid>:<start>`: this process and no other, also after its pid is used again"));
  table.push_back(number(
      "actor.tid", all, [](E e) { return Value::of_number(e.actor().thread_id(), e.actor().thread_id() != 0); },
      "thread that acted"));
  table.push_back(
      number("actor.uid", all, [](E e) { return Value::of_number(e.actor().uid(), has_process(e)); }, "user id"));
  table.push_back(number(
      "actor.login_uid", all,
      [](E e) { return Value::of_number(e.actor().login_uid(), has_process(e) && e.actor().login_uid() != kNoLogin); },
      "user who logged in; absent for what no login started"));
  table.push_back(text(
      "actor.cgroup", all, [](E e) -> auto& { return e.actor().cgroup(); }, "path in the cgroup tree; names the unit"));
  table.push_back(text(
      "actor.parent.exe", all, [](E e) -> auto& { return parent(e).executable(); },
      "executable of the parent process"));
  table.push_back(text(
      "actor.parent.command", all, [](E e) -> auto& { return parent(e).command(); },
      "task name of the parent process"));
  table.push_back(number(
      "actor.parent.pid", all, [](E e) { return Value::of_number(parent(e).pid(), parent(e).pid() != 0); },
      "process id of the parent"));
  table.push_back(list(
      "actor.lineage.exe", all, [](E e, std::vector<std::string_view>& items) { executables_of_lineage(e, items); },
      "paths of the executables of the parent, its parent and so on, at most four"));
  table.push_back(list(
      "actor.lineage.command", all, [](E e, std::vector<std::string_view>& items) { commands_of_lineage(e, items); },
      "their task names"));
}

void add_object_fields(std::vector<Field>& table) {
  using E = const v1::Event&;
  const auto all = kAllKinds;
  table.push_back(choice(
      "object.kind", all, names_of(*v1::ObjectKind_descriptor(), "OBJECT_KIND_"),
      [](E e) -> int { return e.object().kind(); }, "what was touched"));
  table.push_back(tenant("object.tenant", all, [](E e) -> auto& { return e.object().tenant(); }, "whose it is"));
  table.push_back(text(
      "object.id", all, [](E e) -> auto& { return e.object().id(); },
      "guest memory `vmm:<pid>:<start>`, a volume's path or source, a port's device, a probe's name"));
  table.push_back(text(
      "object.domain", all, [](E e) -> auto& { return e.object().domain_name(); },
      "name of the domain that it belongs to"));
  table.push_back(text("object.domain_uuid", all, [](E e) -> auto& { return e.object().domain_uuid(); }, "its uuid"));
  table.push_back(number(
      "object.vmm.pid", all, [](E e) { return Value::of_number(e.object().vmm().pid(), e.object().vmm().pid() != 0); },
      "process id of the VMM whose memory was touched"));
}

}  // namespace

std::vector<Field> make_field_table() {
  std::vector<Field> table;
  add_event_fields(table);
  add_actor_fields(table);
  add_object_fields(table);
  add_payload_fields(table);
  return table;
}

}  // namespace bulkhead::detect
