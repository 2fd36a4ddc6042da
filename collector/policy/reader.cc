#include "collector/policy/reader.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <set>

#include "text/nearest_name.h"
#include "text/yaml_document.h"

namespace bulkhead::policy {

namespace {

// Of all lists together. An alias counts each time, so that a small file cannot stand for a large policy.
constexpr std::size_t kItems = 200'000;
constexpr std::size_t kTextBytes = 4096;

Place place_of(const YAML::Mark& mark) {
  return {std::max(mark.line, 0) + 1, std::max(mark.column, 0) + 1};
}

Place place_of(const YAML::Node& node) {
  return place_of(node.Mark());
}

std::string kind_of(const YAML::Node& node) {
  switch (node.Type()) {
    case YAML::NodeType::Undefined:
    case YAML::NodeType::Null:
      return "nothing";
    case YAML::NodeType::Scalar:
      return shown(node.Scalar());
    case YAML::NodeType::Sequence:
      return "a list";
    case YAML::NodeType::Map:
      return "a mapping";
  }
  return "something else";
}

class Reader;

template <class Target>
struct Key {
  std::string_view name;
  bool required;
  void (*read)(Reader& reader, const YAML::Node& value, Target& target);
};

class Reader {
 public:
  explicit Reader(Faults& faults) : faults_(faults) {}

  template <class Target, std::size_t kCount>
  void mapping(const YAML::Node& node, std::string_view what, const Key<Target> (&keys)[kCount], Target& target) {
    if (!node.IsMap()) return expected(node, what, "a mapping");
    std::vector<std::string_view> known;
    for (const auto& key : keys) known.push_back(key.name);
    std::set<std::string> seen;
    for (const auto& entry : node) {
      if (!entry.first.IsScalar()) {
        expected(entry.first, "a key", "a word");
        continue;
      }
      const std::string& name = entry.first.Scalar();
      const auto key = std::ranges::find(keys, name, &Key<Target>::name);
      if (key == std::end(keys)) {
        fault(entry.first,
              fmt::format("unknown key {} in {}{}", shown(name), what, text::suggestion(name.substr(0, 64), known)));
      } else if (!seen.insert(name).second) {
        fault(entry.first, fmt::format("the key '{}' is there twice in {}", name, what));
      } else if (entry.second.IsNull()) {
        // YAML gives such a value the place of what follows it.
        fault(entry.first, fmt::format("{} must have a value", name));
      } else {
        name_ = key->name;
        key->read(*this, entry.second, target);
      }
    }
    for (const auto& key : keys) {
      if (!key.required || seen.contains(std::string(key.name))) continue;
      fault(node, fmt::format("{} must have the key '{}'", what, key.name));
    }
  }

  void text(const YAML::Node& node, Text& target) {
    if (!node.IsScalar() || node.Scalar().empty()) {
      return expected(node, name_, node.IsScalar() ? "a text that is not empty" : "a text");
    }
    if (node.Scalar().size() > kTextBytes) {
      return fault(node, fmt::format("{} is longer than {} bytes", name_, kTextBytes));
    }
    target = {node.Scalar(), place_of(node)};
  }

  void text(const YAML::Node& node, std::optional<Text>& target) {
    Text read;
    text(node, read);
    if (!read.value.empty()) target = std::move(read);
  }

  void texts(const YAML::Node& node, std::vector<Text>& target) {
    const std::string_view name = name_;
    each(node, [&](const YAML::Node& item) {
      name_ = name;
      Text read;
      text(item, read);
      if (!read.value.empty()) target.push_back(std::move(read));
    });
  }

  void flag(const YAML::Node& node, bool& target) {
    // yaml-cpp tags quoted scalars "!".
    const std::string value = node.IsScalar() && node.Tag() != "!" ? node.Scalar() : "";
    if (value != "true" && value != "false") return expected(node, name_, "true or false");
    target = value == "true";
  }

  template <class Target, std::size_t kCount>
  void entries(const YAML::Node& node, std::string_view what, const Key<Target> (&keys)[kCount],
               std::vector<Target>& target) {
    each(node, [&](const YAML::Node& item) {
      Target read;
      read.place = place_of(item);
      mapping(item, what, keys, read);
      target.push_back(std::move(read));
    });
  }

 private:
  template <class Visit>
  void each(const YAML::Node& node, const Visit& visit) {
    if (!node.IsSequence()) return expected(node, name_, "a list");
    for (const YAML::Node& item : node) {
      if (items_ == kItems) fault(item, fmt::format("the lists of this file have more than {} entries", kItems));
      if (items_++ >= kItems) return;
      visit(item);
    }
  }

  void expected(const YAML::Node& node, std::string_view what, std::string_view type) {
    fault(node, fmt::format("{} must be {}, not {}", what, type, kind_of(node)));
  }

  void fault(const YAML::Node& node, std::string_view message) { faults_.add(place_of(node), message); }

  Faults& faults_;
  // Of the key whose value is being read, for messages.
  std::string_view name_;
  std::size_t items_ = 0;
};

// The member of a draft that a key fills.
template <auto kMember, class Target>
void take_text(Reader& reader, const YAML::Node& value, Target& target) {
  reader.text(value, target.*kMember);
}
template <auto kMember, class Target>
void take_texts(Reader& reader, const YAML::Node& value, Target& target) {
  reader.texts(value, target.*kMember);
}
template <auto kMember, class Target>
void take_flag(Reader& reader, const YAML::Node& value, Target& target) {
  reader.flag(value, target.*kMember);
}

constexpr Key<DomainDraft> kDomainKeys[] = {
    {"uuid", false, take_text<&DomainDraft::uuid>},
    {"name", false, take_text<&DomainDraft::name>},
    {"title", false, take_text<&DomainDraft::title>},
};

constexpr Key<TenantDraft> kTenantKeys[] = {
    {"id", true, take_text<&TenantDraft::id>},
    {"name", false, take_text<&TenantDraft::name>},
    {"domains", false,
     [](Reader& r, const YAML::Node& v, TenantDraft& t) { r.entries(v, "a domain match", kDomainKeys, t.domains); }},
    {"regions", false, take_texts<&TenantDraft::regions>},
};

constexpr Key<ServiceDraft> kServiceKeys[] = {
    {"name", true, take_text<&ServiceDraft::name>},
    {"executable", true, take_text<&ServiceDraft::executable>},
    {"uid", true, take_text<&ServiceDraft::uid>},
    {"unit", false, take_text<&ServiceDraft::unit>},
    {"operations", true, take_texts<&ServiceDraft::operations>},
    {"only_from_trusted_parent", false, take_flag<&ServiceDraft::only_from_trusted_parent>},
    {"hosts", false, take_texts<&ServiceDraft::hosts>},
    {"tenants", false, take_texts<&ServiceDraft::tenants>},
};

constexpr Key<NetworkDraft> kNetworkKeys[] = {
    {"name", true, take_text<&NetworkDraft::name>},
    {"bridges", true, take_texts<&NetworkDraft::bridges>},
    {"tenants", false, take_texts<&NetworkDraft::tenants>},
};

constexpr Key<PeeringDraft> kPeeringKeys[] = {
    {"name", true, take_text<&PeeringDraft::name>},
    {"tenants", true, take_texts<&PeeringDraft::tenants>},
};

constexpr Key<RegionDraft> kRegionKeys[] = {
    {"name", true, take_text<&RegionDraft::name>},
    {"prefixes", true, take_texts<&RegionDraft::prefixes>},
};

constexpr Key<DrainedHostDraft> kDrainedHostKeys[] = {
    {"host", true, take_text<&DrainedHostDraft::host>},
    {"until", false, take_text<&DrainedHostDraft::until>},
    {"why", true, take_text<&DrainedHostDraft::why>},
};

constexpr Key<GrantsDraft> kGrantsKeys[] = {
    {"max_duration", false, take_text<&GrantsDraft::max_duration>},
    {"two_persons", false, take_flag<&GrantsDraft::two_persons>},
};

constexpr Key<Draft> kKeys[] = {
    {"version", true, take_text<&Draft::version>},
    {"tenants", false,
     [](Reader& r, const YAML::Node& v, Draft& d) { r.entries(v, "a tenant", kTenantKeys, d.tenants); }},
    {"trusted_services", false,
     [](Reader& r, const YAML::Node& v, Draft& d) {
       r.entries(v, "a trusted service", kServiceKeys, d.trusted_services);
     }},
    {"shared_networks", false,
     [](Reader& r, const YAML::Node& v, Draft& d) {
       r.entries(v, "a shared network", kNetworkKeys, d.shared_networks);
     }},
    {"base_images", false, take_texts<&Draft::base_images>},
    {"peerings", false,
     [](Reader& r, const YAML::Node& v, Draft& d) { r.entries(v, "a peering", kPeeringKeys, d.peerings); }},
    {"management_addresses", false, take_texts<&Draft::management_addresses>},
    {"regions", false,
     [](Reader& r, const YAML::Node& v, Draft& d) { r.entries(v, "a region", kRegionKeys, d.regions); }},
    {"drained_hosts", false,
     [](Reader& r, const YAML::Node& v, Draft& d) {
       r.entries(v, "a drained host", kDrainedHostKeys, d.drained_hosts);
     }},
    {"grants", false,
     [](Reader& r, const YAML::Node& v, Draft& d) { r.mapping(v, "grants", kGrantsKeys, d.grants.emplace()); }},
};

template <class Target, std::size_t kCount>
void add_names(const std::string& section, const Key<Target> (&keys)[kCount], std::vector<std::string>& names) {
  for (const auto& key : keys) {
    names.push_back(section + std::string(key.name));
    if (key.name == "domains") add_names(names.back() + ".", kDomainKeys, names);
  }
}

}  // namespace

Draft read_draft(const std::string& text, Faults& faults) {
  Draft draft;
  try {
    if (const auto second = text::second_document(text)) {
      faults.add(place_of(*second), "a second document: the file must be one document");
      return draft;
    }
    Reader(faults).mapping(YAML::Load(text), "the policy", kKeys, draft);
  } catch (const YAML::Exception& error) {
    faults.add(place_of(error.mark), error.msg);
  }
  return draft;
}

std::vector<std::string> key_names() {
  std::vector<std::string> names;
  for (const auto& key : kKeys) {
    names.emplace_back(key.name);
    if (key.name == "tenants") add_names("tenants.", kTenantKeys, names);
    if (key.name == "trusted_services") add_names("trusted_services.", kServiceKeys, names);
    if (key.name == "shared_networks") add_names("shared_networks.", kNetworkKeys, names);
    if (key.name == "peerings") add_names("peerings.", kPeeringKeys, names);
    if (key.name == "regions") add_names("regions.", kRegionKeys, names);
    if (key.name == "drained_hosts") add_names("drained_hosts.", kDrainedHostKeys, names);
    if (key.name == "grants") add_names("grants.", kGrantsKeys, names);
  }
  return names;
}

}  // namespace bulkhead::policy
