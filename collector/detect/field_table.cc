#include "collector/detect/field_table.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>

#include <type_traits>

#include "absl/strings/ascii.h"
#include "collector/detect/kernel_names.h"

namespace bulkhead::detect {
namespace {

using Choices = std::vector<std::pair<std::string, int>>;

constexpr KindMask mask(v1::Event::PayloadCase kind) {
  return KindMask{1} << (kind - v1::Event::kMemoryAccess + 1);
}
constexpr KindMask kMemory = mask(v1::Event::kMemoryAccess);
constexpr KindMask kFile = mask(v1::Event::kFileOpen);
constexpr KindMask kFrame = mask(v1::Event::kFrameDelivery);
constexpr KindMask kLoss = mask(v1::Event::kLoss);
constexpr KindMask kTenantChange = mask(v1::Event::kTenantChange);
constexpr KindMask kGrantChange = mask(v1::Event::kGrantChange);
constexpr KindMask kPolicyChange = mask(v1::Event::kPolicyChange);
constexpr KindMask kAccesses = kMemory | kFile | kFrame;

// A getter is a lambda without captures, so each of these makes a plain function of it.
template <typename T>
concept Stateless = std::is_empty_v<T>;

template <Stateless Getter>
Field text(std::string_view name, KindMask kinds, Getter, std::string_view description, Type type = Type::kText) {
  return {name, type, description, kinds,
          [](const v1::Event& event, std::string&) { return Value::of_text(Getter{}(event)); }};
}

template <Stateless Getter>
Field tenant(std::string_view name, KindMask kinds, Getter getter, std::string_view description) {
  return text(name, kinds, getter, description, Type::kTenant);
}

// For text that has to be made first.
template <Stateless Getter>
Field made_text(std::string_view name, KindMask kinds, Getter, std::string_view description) {
  return {name, Type::kText, description, kinds, [](const v1::Event& event, std::string& scratch) {
            scratch = Getter{}(event);
            return Value::of_text(scratch);
          }};
}

template <Stateless Getter>
Field number(std::string_view name, KindMask kinds, Getter, std::string_view description) {
  return {name, Type::kNumber, description, kinds,
          [](const v1::Event& event, std::string&) { return Getter{}(event); }};
}

template <Stateless Getter>
Field flag(std::string_view name, KindMask kinds, Getter, std::string_view description) {
  return {name, Type::kFlag, description, kinds,
          [](const v1::Event& event, std::string&) { return Value::of_flag(Getter{}(event)); }};
}

template <Stateless Getter>
Field choice(std::string_view name, KindMask kinds, Choices choices, Getter, std::string_view description) {
  return {name,
          Type::kChoice,
          description,
          kinds,
          [](const v1::Event& event, std::string&) {
            const int value = Getter{}(event);
            return Value::of_number(value, value != 0);
          },
          std::move(choices)};
}

// PROBE_MEMORY_PTRACE is written memory_ptrace. The number 0 (unspecified) is an absent value and has no name.
Choices names_of(const google::protobuf::EnumDescriptor& descriptor, std::string_view prefix) {
  Choices choices;
  for (int i = 0; i < descriptor.value_count(); ++i) {
    const auto& value = *descriptor.value(i);
    if (value.number() == 0) continue;
    choices.emplace_back(absl::AsciiStrToLower(value.name().substr(prefix.size())), value.number());
  }
  return choices;
}

Choices payload_names() {
  Choices choices;
  const auto& payload = *v1::Event::descriptor()->FindOneofByName("payload");
  for (int i = 0; i < payload.field_count(); ++i) {
    choices.emplace_back(payload.field(i)->name(), payload.field(i)->number());
  }
  return choices;
}

enum Access { kAccessRead = 1, kAccessWrite = 2, kAccessReadWrite = 3, kAccessNone = 4 };

Access access_of(std::uint32_t flags) {
  if ((flags & O_PATH) != 0) return kAccessNone;
  switch (flags & O_ACCMODE) {
    case O_RDONLY:
      return kAccessRead;
    case O_WRONLY:
      return kAccessWrite;
    case O_RDWR:
      return kAccessReadWrite;
  }
  // 3 asks for a descriptor that can do neither, only ioctl.
  return kAccessNone;
}

std::string mac_text(const std::string& bytes) {
  std::string text;
  for (const char byte : bytes) {
    text += fmt::format("{}{:02x}", text.empty() ? "" : ":", static_cast<unsigned char>(byte));
  }
  return text;
}

std::string address_text(const std::string& bytes) {
  char text[INET6_ADDRSTRLEN] = "";
  const int family = bytes.size() == 4 ? AF_INET : bytes.size() == 16 ? AF_INET6 : AF_UNSPEC;
  if (family == AF_UNSPEC || inet_ntop(family, bytes.data(), text, sizeof text) == nullptr) return "";
  return text;
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

void add_memory_fields(std::vector<Field>& table) {
  using E = const v1::Event&;
  table.push_back(choice(
      "memory.operation", kMemory, names_of(*v1::MemoryOperation_descriptor(), "MEMORY_OPERATION_"),
      [](E e) -> int { return e.memory_access().operation(); }, "how memory was reached"));
  table.push_back(number(
      "memory.result", kMemory, [](E e) { return Value::of_number(e.memory_access().result(), e.has_memory_access()); },
      "what the call returned: bytes moved, a descriptor, 0, or a negative errno"));
  table.push_back(made_text(
      "memory.error", kMemory, [](E e) { return errno_name(e.memory_access().result()); },
      "name of that errno, such as `EPERM`; absent when the call succeeded"));
  table.push_back(number(
      "memory.address", kMemory,
      [](E e) { return Value::of_number(e.memory_access().address(), e.memory_access().address() != 0); },
      "first address in the VMM, for process_vm_* and ptrace"));
  table.push_back(number(
      "memory.ptrace_request", kMemory,
      [](E e) {
        return Value::of_number(e.memory_access().ptrace_request(),
                                e.memory_access().operation() == v1::MEMORY_OPERATION_PTRACE);
      },
      "ptrace's request number"));
  table.push_back(made_text(
      "memory.ptrace", kMemory,
      [](E e) {
        if (e.memory_access().operation() != v1::MEMORY_OPERATION_PTRACE) return std::string();
        return ptrace_request_name(e.memory_access().ptrace_request());
      },
      "name of the request, such as `PTRACE_SEIZE`"));
  table.push_back(choice(
      "memory.access", kMemory,
      {{"read", kAccessRead}, {"write", kAccessWrite}, {"read_write", kAccessReadWrite}, {"none", kAccessNone}},
      [](E e) -> int {
        if (e.memory_access().operation() != v1::MEMORY_OPERATION_PROC_MEM_OPEN) return 0;
        return access_of(e.memory_access().open_flags());
      },
      "for `proc_mem_open`: what the file was opened for"));
}

void add_file_fields(std::vector<Field>& table) {
  using E = const v1::Event&;
  table.push_back(choice(
      "file.method", kFile, names_of(*v1::OpenMethod_descriptor(), "OPEN_METHOD_"),
      [](E e) -> int { return e.file_open().method(); }, "the call that opened it"));
  table.push_back(choice(
      "file.access", kFile,
      {{"read", kAccessRead}, {"write", kAccessWrite}, {"read_write", kAccessReadWrite}, {"none", kAccessNone}},
      [](E e) -> int { return e.has_file_open() ? access_of(e.file_open().flags()) : 0; },
      "what it was opened for; `none`: only for its attributes (O_PATH)"));
  table.push_back(flag(
      "file.write", kFile,
      [](E e) {
        if (!e.has_file_open()) return false;
        const Access access = access_of(e.file_open().flags());
        return access == kAccessWrite || access == kAccessReadWrite;
      },
      "it was opened for writing"));
  table.push_back(flag(
      "file.truncate", kFile, [](E e) { return e.has_file_open() && (e.file_open().flags() & O_TRUNC) != 0; },
      "its content was cut off (O_TRUNC)"));
  table.push_back(number(
      "file.flags", kFile, [](E e) { return Value::of_number(e.file_open().flags(), e.has_file_open()); },
      "flags of the open file description (fcntl.h)"));
  table.push_back(
      flag("file.block_device", kFile, [](E e) { return e.file_open().block_device(); }, "it is a block device"));
  table.push_back(number(
      "file.device", kFile, [](E e) { return Value::of_number(e.file_open().device(), e.has_file_open()); },
      "the kernel's device number, major << 20 | minor"));
  table.push_back(number(
      "file.inode", kFile, [](E e) { return Value::of_number(e.file_open().inode(), e.file_open().inode() != 0); },
      "inode number; absent for a block device"));
  table.push_back(number(
      "file.link_count", kFile, [](E e) { return Value::of_number(e.file_open().link_count(), e.has_file_open()); },
      "hard links to it"));
}

void add_frame_fields(std::vector<Field>& table) {
  using E = const v1::Event&;
  table.push_back(text(
      "frame.source_port", kFrame, [](E e) -> auto& { return e.frame_delivery().source_port(); }, "port that sent"));
  table.push_back(text(
      "frame.destination_port", kFrame, [](E e) -> auto& { return e.frame_delivery().destination_port(); },
      "port that received"));
  table.push_back(made_text(
      "frame.source_mac", kFrame, [](E e) { return mac_text(e.frame_delivery().source_mac()); },
      "source MAC, as `52:54:00:12:34:56`"));
  table.push_back(made_text(
      "frame.destination_mac", kFrame, [](E e) { return mac_text(e.frame_delivery().destination_mac()); },
      "destination MAC"));
  table.push_back(tenant(
      "frame.source_mac_tenant", kFrame, [](E e) -> auto& { return e.frame_delivery().source_mac_tenant(); },
      "tenant that the source MAC is assigned to: the second witness"));
  table.push_back(made_text(
      "frame.source_address", kFrame, [](E e) { return address_text(e.frame_delivery().source_address()); },
      "source IP address; for ARP the sender's"));
  table.push_back(made_text(
      "frame.destination_address", kFrame, [](E e) { return address_text(e.frame_delivery().destination_address()); },
      "destination IP address; for ARP the target's"));
  table.push_back(number(
      "frame.ethertype", kFrame,
      [](E e) { return Value::of_number(e.frame_delivery().ethertype(), e.has_frame_delivery()); },
      "Ethernet type, such as 0x0800"));
  table.push_back(number(
      "frame.ip_protocol", kFrame,
      [](E e) {
        return Value::of_number(e.frame_delivery().ip_protocol(), !e.frame_delivery().source_address().empty());
      },
      "IP protocol or next header"));
  table.push_back(number(
      "frame.frames", kFrame, [](E e) { return Value::of_number(e.frame_delivery().frames(), e.has_frame_delivery()); },
      "frames that this event stands for"));
  table.push_back(number(
      "frame.bytes", kFrame, [](E e) { return Value::of_number(e.frame_delivery().bytes(), e.has_frame_delivery()); },
      "their bytes"));
}

void add_own_fields(std::vector<Field>& table) {
  using E = const v1::Event&;
  table.push_back(choice(
      "loss.probe", kLoss, names_of(*v1::Probe_descriptor(), "PROBE_"), [](E e) -> int { return e.loss().probe(); },
      "probe whose records were lost"));
  table.push_back(number(
      "loss.count", kLoss, [](E e) { return Value::of_number(e.loss().count(), e.has_loss()); }, "records lost"));
  table.push_back(choice(
      "loss.place", kLoss, names_of(*v1::Loss::Place_descriptor(), "PLACE_"),
      [](E e) -> int { return e.loss().place(); }, "where they were lost"));
  table.push_back(tenant(
      "tenant_change.old", kTenantChange, [](E e) -> auto& { return e.tenant_change().old_tenant(); },
      "tenant that the domain had"));
  table.push_back(tenant(
      "tenant_change.new", kTenantChange, [](E e) -> auto& { return e.tenant_change().new_tenant(); },
      "tenant that it has now"));
}

void add_collector_fields(std::vector<Field>& table) {
  using E = const v1::Event&;
  table.push_back(choice(
      "grant.change", kGrantChange, names_of(*v1::GrantChangeKind_descriptor(), "GRANT_CHANGE_KIND_"),
      [](E e) -> int { return e.grant_change().kind(); }, "what happened to a grant"));
  table.push_back(
      text("grant.id", kGrantChange, [](E e) -> auto& { return e.grant_change().grant().id(); }, "which grant"));
  table.push_back(text(
      "grant.ticket", kGrantChange, [](E e) -> auto& { return e.grant_change().grant().ticket(); },
      "the customer's own reference"));
  table.push_back(text(
      "grant.approver", kGrantChange, [](E e) -> auto& { return e.grant_change().grant().approver(); },
      "who authorised it at the customer"));
  table.push_back(text(
      "grant.by", kGrantChange, [](E e) -> auto& { return e.grant_change().by(); },
      "who changed it; absent for an expiry"));
  table.push_back(number(
      "grant.uses", kGrantChange, [](E e) { return Value::of_number(e.grant_change().uses(), e.has_grant_change()); },
      "accesses that it had authorised by then"));
  table.push_back(text(
      "policy.old", kPolicyChange, [](E e) -> auto& { return e.policy_change().old_version(); },
      "version of the policy that was in force"));
  table.push_back(text(
      "policy.new", kPolicyChange, [](E e) -> auto& { return e.policy_change().new_version(); },
      "version of the policy that is in force now"));
}

}  // namespace

std::vector<Field> make_field_table() {
  std::vector<Field> table;
  add_event_fields(table);
  add_actor_fields(table);
  add_object_fields(table);
  add_memory_fields(table);
  add_file_fields(table);
  add_frame_fields(table);
  add_own_fields(table);
  add_collector_fields(table);
  return table;
}

}  // namespace bulkhead::detect
