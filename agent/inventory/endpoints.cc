#include "agent/inventory/endpoints.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "agent/inventory/domain_xml.h"

namespace bulkhead::inventory {

namespace {

std::uint16_t port_of(const std::string& text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() ? port : 0;
}

class EndpointReader {
 public:
  void read(const xmlNode& device) {
    const std::string_view kind = local_name(device);
    if (kind == "serial" || kind == "console" || kind == "parallel") {
      read_character_device(device, EndpointKind::kConsole);
    } else if (kind == "channel") {
      const std::string name = attribute(child(&device, "target"), "name").value_or("");
      const bool agent = name.starts_with("org.qemu.guest_agent.");
      read_character_device(device, agent ? EndpointKind::kGuestAgent : EndpointKind::kConsole);
    } else if (kind == "graphics") {
      read_display(device);
    }
  }

  std::vector<Endpoint> take() { return std::move(endpoints_); }

 private:
  void read_character_device(const xmlNode& device, EndpointKind kind) {
    const std::string type = attribute(&device, "type").value_or("");
    const xmlNode* source = child(&device, "source");
    if (type == "pty") {
      add({.kind = kind, .path = attribute(source, "path").value_or(""), .port = 0});
    } else if (type == "unix" && attribute(source, "mode").value_or("") == "bind") {
      add({.kind = kind, .path = attribute(source, "path").value_or(""), .port = 0});
    } else if (type == "tcp" && attribute(source, "mode").value_or("") == "bind") {
      add({.kind = kind, .path = "", .port = port_of(attribute(source, "service").value_or(""))});
    }
  }

  void read_display(const xmlNode& display) {
    for (const char* name : {"port", "tlsPort", "websocket"}) {
      add({.kind = EndpointKind::kDisplay, .path = "", .port = port_of(attribute(&display, name).value_or(""))});
    }
    for_each_child(&display, [this](const xmlNode& listen) {
      if (local_name(listen) != "listen") return;
      add({.kind = EndpointKind::kDisplay, .path = attribute(&listen, "socket").value_or(""), .port = 0});
    });
  }

  // One console is often two elements.
  void add(Endpoint endpoint) {
    const bool usable =
        endpoint.port != 0 || (endpoint.path.starts_with('/') && endpoint.path.size() <= kMaxSourceBytes);
    if (!usable || endpoints_.size() >= kMaxDevices) return;
    const bool known = std::ranges::any_of(
        endpoints_, [&](const Endpoint& one) { return one.path == endpoint.path && one.port == endpoint.port; });
    if (!known) endpoints_.push_back(std::move(endpoint));
  }

  std::vector<Endpoint> endpoints_;
};

}  // namespace

std::vector<Endpoint> read_endpoints(const xmlNode* devices) {
  EndpointReader reader;
  if (devices != nullptr) for_each_child(devices, [&](const xmlNode& device) { reader.read(device); });
  return reader.take();
}

}  // namespace bulkhead::inventory
