#include "collector/config_mapping.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "text/nearest_name.h"

namespace bulkhead::collector {

void ConfigMapping::text(const std::string& key, std::optional<std::string>& to) {
  value(key, [this, &to](const std::string& name, const YAML::Node& node) -> absl::Status {
    if (!node.IsScalar() || node.Scalar().empty()) return bad(node, absl::StrCat("'", name, "' must be a text"));
    to = node.Scalar();
    return absl::OkStatus();
  });
}

void ConfigMapping::texts(const std::string& key, std::vector<std::string>& to) {
  value(key, [this, &to](const std::string& name, const YAML::Node& node) -> absl::Status {
    if (!node.IsSequence() || node.size() == 0) {
      return bad(node, absl::StrCat("'", name, "' must be a list of texts, such as [a, b]"));
    }
    for (const auto& item : node) {
      if (!item.IsScalar() || item.Scalar().empty()) {
        return bad(item, absl::StrCat("'", name, "' must be a list of texts, such as [a, b]"));
      }
      to.push_back(item.Scalar());
    }
    return absl::OkStatus();
  });
}

void ConfigMapping::flag(const std::string& key, std::optional<bool>& to) {
  value(key, [this, &to](const std::string& name, const YAML::Node& node) -> absl::Status {
    bool parsed = false;
    if (!node.IsScalar() || !YAML::convert<bool>::decode(node, parsed)) {
      return bad(node, absl::StrCat("'", name, "' must be true or false"));
    }
    to = parsed;
    return absl::OkStatus();
  });
}

void ConfigMapping::number(const std::string& key, std::uint64_t least, std::uint64_t most,
                           std::optional<std::uint64_t>& to) {
  value(key, [this, least, most, &to](const std::string& name, const YAML::Node& node) -> absl::Status {
    const std::string text = node.IsScalar() ? node.Scalar() : std::string();
    std::uint64_t parsed = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), parsed);
    if (text.empty() || error != std::errc() || end != text.data() + text.size() || parsed < least || parsed > most) {
      return bad(node, absl::StrCat("'", name, "' must be a whole number from ", least, " to ", most));
    }
    to = parsed;
    return absl::OkStatus();
  });
}

void ConfigMapping::section(const std::string& key, ConfigMapping& mapping) {
  value(key, [&mapping](const std::string& name, const YAML::Node& node) { return mapping.read(node, name + "."); });
}

absl::Status ConfigMapping::read(const YAML::Node& node, const std::string& prefix) const {
  if (node.IsNull()) return absl::OkStatus();
  if (!node.IsMap()) return bad(node, absl::StrCat("'", prefix, "' must be a mapping of keys to values"));
  std::set<std::string> seen;
  for (const auto& item : node) {
    if (!item.first.IsScalar()) return bad(item.first, "a key must be a word");
    const std::string& key = item.first.Scalar();
    if (!seen.insert(key).second) return bad(item.first, absl::StrCat("'", prefix, key, "' is there twice"));
    const auto reader = std::ranges::find(readers_, key, [](const auto& known) { return known.first; });
    if (reader == readers_.end()) return unknown(item.first, prefix + key);
    if (auto status = reader->second(prefix + key, item.second); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status ConfigMapping::bad(const YAML::Node& node, const std::string& why) const {
  return absl::InvalidArgumentError(absl::StrCat(file_, ":", node.Mark().line + 1, ": ", why));
}

absl::Status ConfigMapping::unknown(const YAML::Node& node, const std::string& key) const {
  std::vector<std::string_view> known;
  for (const auto& [name, reader] : readers_) known.push_back(name);
  return bad(node, absl::StrCat("unknown key '", key.substr(0, 64), "'",
                                text::did_you_mean(node.Scalar().substr(0, 64), known)));
}

}  // namespace bulkhead::collector
