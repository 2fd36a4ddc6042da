#include "agent/inventory/image_name.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "agent/inventory/image_header.h"

namespace bulkhead::inventory {
namespace {

constexpr std::size_t kMaxJsonBytes = 16 << 10;
constexpr int kMaxJsonDepth = 32;

// The name alone says what it is, on every host.
constexpr std::array<std::string_view, 5> kNamedAlone = {"rbd", "iscsi", "gluster", "sheepdog", "vxhs"};

bool is_named_alone(std::string_view protocol) {
  return std::ranges::find(kNamedAlone, protocol) != kNamedAlone.end();
}

// QEMU's path_has_protocol(): a colon before the first slash.
std::size_t end_of_protocol(std::string_view name) {
  const std::size_t end = name.find_first_of(":/");
  return end == std::string_view::npos || name[end] != ':' ? std::string_view::npos : end;
}

std::string without_transport(std::string_view protocol) {
  return absl::AsciiStrToLower(std::string(protocol.substr(0, protocol.find('+'))));
}

// "protocol://[user@]host[:port]/name?options".
std::string identity_of_uri(std::string_view protocol, std::string_view rest) {
  rest.remove_prefix(2);
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  std::string_view authority = rest.substr(0, slash), name = rest.substr(slash);
  if (const std::size_t user = authority.rfind('@'); user != std::string_view::npos) authority.remove_prefix(user + 1);
  name = name.substr(0, name.find_first_of("?#"));
  while (name.starts_with('/')) name.remove_prefix(1);
  const std::size_t colon = authority.rfind(':');
  const bool has_port = colon != std::string_view::npos && authority.find(']', colon) == std::string_view::npos;
  return network_identity(protocol, name, authority.substr(0, has_port ? colon : authority.size()),
                          has_port ? authority.substr(colon + 1) : "");
}

// QEMU's older way for nbd: "host:port[:exportname=name]" or "unix:path[:exportname=name]".
std::string identity_of_nbd(std::string_view rest) {
  constexpr std::string_view kExport = ":exportname=";
  const std::size_t at = rest.find(kExport);
  const std::string_view name = at == std::string_view::npos ? "" : rest.substr(at + kExport.size());
  rest = rest.substr(0, at);
  const std::size_t colon = rest.find(':');
  const bool has_port = colon != std::string_view::npos;
  return network_identity("nbd", name, rest.substr(0, colon), has_port ? rest.substr(colon + 1) : "");
}

class PlaceFinder {
 public:
  explicit PlaceFinder(const std::string& directory) : directory_(directory) {}

  void read(std::string_view name) {
    const std::size_t colon = end_of_protocol(name);
    if (colon == std::string_view::npos) return add_path(name);
    const std::string protocol = without_transport(name.substr(0, colon));
    const std::string_view rest = name.substr(colon + 1);
    if (protocol == "json") return read_json(rest);
    if (protocol == "file" || protocol.starts_with("host_")) return add_path(rest);
    // These open files of the host whose names are parts of theirs.
    if (protocol.starts_with("blk") || protocol == "fat") return read_parts(rest);
    if (protocol.starts_with("null-")) return;
    if (rest.starts_with("//")) return add_identity(identity_of_uri(protocol, rest));
    if (protocol == "nbd") return add_identity(identity_of_nbd(rest));
    add_identity(network_identity(protocol, rest.substr(0, rest.find(':')), "", ""));
  }

  std::vector<ImagePlace> take() { return std::move(places_); }

 private:
  void add(ImagePlace place) {
    if (places_.size() < kMaxPlaces && std::ranges::find(places_, place) == places_.end()) {
      places_.push_back(std::move(place));
    }
  }

  void add_path(std::string_view path) {
    if (path.empty() || path.size() > kMaxReferenceBytes) return;
    add({.path = path.starts_with('/') ? std::string(path) : absl::StrCat(directory_, "/", std::string(path)),
         .identity = ""});
  }

  void add_identity(std::string identity) { add({.path = "", .identity = std::move(identity)}); }

  void read_parts(std::string_view text) {
    while (!text.empty()) {
      const std::size_t end = std::min(text.find(':'), text.size());
      // "rw", "floppy", "32" are options of fat's.
      if (text.substr(0, end).find('/') != std::string_view::npos) add_path(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
  }

  void read_json(std::string_view text) {
    int depth = 0, deepest = 0;
    for (const char c : text) {
      if (c == '{' || c == '[') deepest = std::max(deepest, ++depth);
      if (c == '}' || c == ']') --depth;
    }
    if (text.size() > kMaxJsonBytes || deepest > kMaxJsonDepth) return;
    const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
    if (json.is_object()) read_node(json);
  }

  static std::string text_in(const nlohmann::json& node, const char* key) {
    const auto found = node.find(key);
    return found != node.end() && found->is_string() ? found->get<std::string>() : "";
  }

  // A node of QEMU's block graph, with its children; keys may be flattened ("file.filename").
  void read_node(const nlohmann::json& node) {
    const nlohmann::json server = node.contains("server") && node["server"].is_object() ? node["server"] : node;
    const auto first_of = [&](std::initializer_list<const char*> keys) {
      for (const char* key : keys) {
        for (const nlohmann::json* one : {&node, &server}) {
          if (std::string text = text_in(*one, key); !text.empty()) return text;
        }
      }
      return std::string();
    };
    const std::string driver = first_of({"driver", "file.driver"});
    for (const auto& [key, value] : node.items()) {
      const bool names_file = key == "filename" || key.ends_with(".filename") || key == "dir" || key == "config";
      if (names_file && value.is_string()) read(value.get_ref<const std::string&>());
      if (value.is_object() && key != "server") read_node(value);
      if (value.is_array()) {
        for (const auto& one : value) {
          if (one.is_object() && key != "server") read_node(one);
        }
      }
    }
    if (driver == "rbd") {
      add_identity(network_identity(
          "rbd", absl::StrCat(first_of({"pool", "file.pool"}), "/", first_of({"image", "file.image"})), "", ""));
    } else if (driver == "nbd" || driver == "nfs" || driver == "ssh" || driver == "iscsi" || driver == "gluster") {
      const std::string name = first_of({"export", "target", "volume", "file.export", "file.target", "file.volume"});
      const std::string path = first_of({"path", "file.path", "server.path", "file.server.path"});
      add_identity(network_identity(driver, absl::StrCat(name, name.empty() || path.empty() ? "" : "/", path),
                                    first_of({"host", "server.host", "portal", "file.host", "file.server.host"}),
                                    first_of({"port", "server.port", "file.port", "file.server.port"})));
    }
  }

  const std::string& directory_;
  std::vector<ImagePlace> places_;
};

// Length of the well-formed UTF-8 character at the start of `text`; 0 for none.
std::size_t character_bytes(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // Overlong forms, surrogates, beyond Unicode.
  if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f) || (first == 0xf0 && byte(1) < 0x90) ||
      (first == 0xf4 && byte(1) > 0x8f)) {
    return 0;
  }
  return length;
}

}  // namespace

std::vector<ImagePlace> places_of(std::string_view name, const std::string& directory) {
  PlaceFinder finder(directory);
  finder.read(name);
  return finder.take();
}

std::string network_identity(std::string_view protocol, std::string_view name, std::string_view host,
                             std::string_view port) {
  const std::string of(protocol), what(name);
  const std::string identity =
      is_named_alone(protocol)
          ? absl::StrCat(of, ":", what)
          : absl::StrCat(of, "://", std::string(host), port.empty() ? "" : ":", std::string(port), "/", what);
  return printable_name(identity);
}

std::string printable_name(std::string_view name) {
  std::string text;
  while (!name.empty()) {
    const std::size_t length = character_bytes(name);
    if (text.size() + std::max<std::size_t>(length, 1) > kMaxReferenceBytes) break;
    if (length == 0 || (length == 1 && absl::ascii_iscntrl(static_cast<unsigned char>(name[0])))) {
      text += '?';
    } else {
      text.append(name.substr(0, length));
    }
    name.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return text;
}

}  // namespace bulkhead::inventory
