#include <fmt/format.h>

#include "collector/detect/field_makers.h"
#include "collector/detect/kernel_names.h"
#include "collector/detect/network_text.h"

namespace bulkhead::detect {
namespace {

using E = const v1::Event&;

constexpr std::uint32_t kNoLogin = 4294967295u;

// Who asked, as far as it is known, in words for an alert.
std::string caller_text(E event) {
  if (!event.has_control_call()) return "";
  const v1::ControlCall& call = event.control_call();
  const v1::Process& process = event.actor().process();
  if (call.transport() == v1::CONTROL_TRANSPORT_TCP) {
    return fmt::format("{} port {} (TCP)", address_text(call.peer_address()), call.peer_port());
  }
  if (process.pid() == 0) return "an unknown caller";
  const std::string& program = process.executable().empty() ? process.command() : process.executable();
  std::string text = fmt::format("{} (pid {}, uid {}", program.empty() ? "a program that has ended" : program,
                                 process.pid(), event.actor().uid());
  if (event.actor().login_uid() != kNoLogin) text += fmt::format(", login uid {}", event.actor().login_uid());
  return text + ")";
}

void add_call_fields(std::vector<Field>& table) {
  table.push_back(text(
      "control.procedure", kControl, [](E e) -> auto& { return e.control_call().procedure(); },
      "libvirt's name of what was asked for, such as `DOMAIN_SCREENSHOT`"));
  table.push_back(choice(
      "control.category", kControl, names_of(*v1::ControlCategory_descriptor(), "CONTROL_CATEGORY_"),
      [](E e) -> int { return e.control_call().category(); }, "what that does to the domain"));
  table.push_back(choice(
      "control.result", kControl, names_of(*v1::ControlResult_descriptor(), "CONTROL_RESULT_"),
      [](E e) -> int { return e.control_call().result(); }, "what came of it"));
  table.push_back(number(
      "control.error", kControl,
      [](E e) {
        return Value::of_number(e.control_call().error(), e.control_call().result() == v1::CONTROL_RESULT_FAILED);
      },
      "libvirt's error number of a call that failed"));
  table.push_back(number(
      "control.flags", kControl, [](E e) { return Value::of_number(e.control_call().flags(), e.has_control_call()); },
      "the call's flags; 0 where it has none"));
  table.push_back(text(
      "control.verb", kControl, [](E e) -> auto& { return e.control_call().verb(); },
      "name of the monitor or guest agent command; a label that the caller can hide"));
  table.push_back(made_text("control.caller", kControl, [](E e) { return caller_text(e); }, "who asked, in words"));
  table.push_back(choice(
      "control.transport", kControl, names_of(*v1::ControlTransport_descriptor(), "CONTROL_TRANSPORT_"),
      [](E e) -> int { return e.control_call().transport(); },
      "how the caller is connected; absent when that is not known"));
  table.push_back(made_text(
      "control.peer_address", kControl, [](E e) { return address_text(e.control_call().peer_address()); },
      "the caller's address, over TCP"));
  table.push_back(number(
      "control.duration_ms", kControl,
      [](E e) {
        constexpr std::uint64_t kNanoseconds = 1'000'000;
        return Value::of_number(e.control_call().duration_ns() / kNanoseconds, e.has_control_call());
      },
      "from the call to its answer"));
  table.push_back(flag(
      "control.late_answer", kControl, [](E e) { return e.control_call().late_answer(); },
      "the answer to a call that was told before as unanswered"));
  table.push_back(flag(
      "control.caller_gone", kControl, [](E e) { return e.control_call().caller_gone(); },
      "the caller had ended when its call was read"));
  table.push_back(text(
      "control.daemon.exe", kControl, [](E e) -> auto& { return e.control_call().daemon().executable(); },
      "executable of the libvirt daemon that was asked"));
  table.push_back(number(
      "control.daemon.pid", kControl,
      [](E e) { return Value::of_number(e.control_call().daemon().pid(), e.control_call().daemon().pid() != 0); },
      "its process id"));
}

void add_endpoint_fields(std::vector<Field>& table) {
  table.push_back(choice(
      "endpoint.kind", kEndpoint, names_of(*v1::EndpointKind_descriptor(), "ENDPOINT_KIND_"),
      [](E e) -> int { return e.endpoint_access().kind(); }, "which of the domain's endpoints it is"));
  table.push_back(choice(
      "endpoint.method", kEndpoint, names_of(*v1::EndpointMethod_descriptor(), "ENDPOINT_METHOD_"),
      [](E e) -> int { return e.endpoint_access().method(); }, "how it was used"));
  table.push_back(number(
      "endpoint.result", kEndpoint,
      [](E e) { return Value::of_number(e.endpoint_access().result(), e.has_endpoint_access()); },
      "what the call returned: 0, a descriptor, or a negative errno"));
  table.push_back(made_text(
      "endpoint.error", kEndpoint, [](E e) { return errno_name(e.endpoint_access().result()); },
      "name of that errno; absent when the call succeeded"));
}

}  // namespace

void add_control_fields(std::vector<Field>& table) {
  add_call_fields(table);
  add_endpoint_fields(table);
}

}  // namespace bulkhead::detect
