#include "agent/config/config.h"

#include <array>

#include <fmt/format.h>
#include "agent/config/tenant_rules_reader.h"
#include "agent/config/value_checks.h"
#include "agent/config/yaml_reader.h"
#include "text/tenancy.h"

namespace bulkhead::config {
namespace {

std::string prefixed(std::string_view what, const absl::Status& status) {
  return fmt::format("{}: {}", what, std::string(status.message()));
}

// A string that one of the checks of value_checks.h judges.
absl::Status read_checked(const YamlValue& value, std::string_view what, absl::Status (*check)(std::string_view),
                          std::string& target) {
  std::string text;
  if (auto status = read_string(value, what, text); !status.ok()) return status;
  if (auto status = check(text); !status.ok()) return error_at(value, prefixed(what, status));
  target = std::move(text);
  return absl::OkStatus();
}

template <class Number>
absl::Status read_checked(const YamlValue& value, std::string_view what, absl::Status (*check)(std::uint64_t),
                          Number& target) {
  std::uint64_t number = 0;
  if (auto status = read_unsigned(value, what, number); !status.ok()) return status;
  if (auto status = check(number); !status.ok()) return error_at(value, prefixed(what, status));
  target = static_cast<Number>(number);
  return absl::OkStatus();
}

constexpr YamlKey<Libvirt> kLibvirtKeys[] = {
    {"uri", [](const YamlValue& v, Libvirt& t) { return read_checked(v, "libvirt.uri", check_libvirt_uri, t.uri); }},
    {"run_dir",
     [](const YamlValue& v, Libvirt& t) { return read_checked(v, "libvirt.run_dir", check_absolute_path, t.run_dir); }},
};

absl::Status read_opennebula(const YamlValue& value, Tenants& tenants) {
  static constexpr std::array<std::string_view, 2> kWords = {"group", "user"};
  std::size_t word = 0;
  if (auto status = read_word(value, "tenants.opennebula", kWords, word); !status.ok()) return status;
  tenants.opennebula = word == 0 ? OpenNebulaOwner::kGroup : OpenNebulaOwner::kUser;
  return absl::OkStatus();
}

constexpr YamlKey<Tenants> kTenantsKeys[] = {
    {"file",
     [](const YamlValue& v, Tenants& t) { return read_checked(v, "tenants.file", check_absolute_path, t.file); }},
    {"rules", [](const YamlValue& v, Tenants& t) { return read_tenant_rules(v, "tenants.rules", t.rules); }},
    {"opennebula", read_opennebula},
};

absl::Status read_uid(const YamlValue& value, TrustedService& service) {
  if (value.node.IsScalar() && value.node.Scalar() == "any") {
    service.uid.reset();
    return absl::OkStatus();
  }
  std::uint64_t uid = 0;
  // The last number means "no uid" to the kernel, and "any" to the probes.
  if (!read_unsigned(value, "uid", uid).ok() || uid >= 0xffffffffu) {
    return error_at(value, "uid must be a number below 4294967295, or any");
  }
  service.uid = static_cast<std::uint32_t>(uid);
  return absl::OkStatus();
}

absl::Status read_operations(const YamlValue& value, TrustedService& service) {
  // The first three stand for all of their kind.
  static constexpr std::array kKinds = {kOpenVolumes, kAccessMemory, kControlDomains};
  static constexpr auto kWords = [] {
    std::array<std::string_view, kKinds.size() + kOperationNames.size()> words = {"open-volumes", "access-memory",
                                                                                  "control-domains"};
    std::ranges::copy(kOperationNames, words.begin() + kKinds.size());
    return words;
  }();
  if (auto status = expect_list(value, "operations"); !status.ok()) return status;
  for (const auto& item : value.node) {
    std::size_t word = 0;
    if (auto status = read_word(value.with(item), "operations", kWords, word); !status.ok()) return status;
    if (word < kKinds.size()) {
      service.operations.add(kKinds[word]);
    } else {
      service.operations.add(static_cast<Operation>(word - kKinds.size()));
    }
  }
  return absl::OkStatus();
}

constexpr YamlKey<TrustedService> kTrustedServiceKeys[] = {
    {"executable", [](const YamlValue& v,
                      TrustedService& t) { return read_checked(v, "executable", check_absolute_path, t.executable); }},
    {"uid", read_uid},
    {"operations", read_operations},
    {"only_from_trusted_parent",
     [](const YamlValue& v, TrustedService& t) {
       return read_bool(v, "only_from_trusted_parent", t.only_from_trusted_parent);
     }},
};

absl::Status read_trusted_services(const YamlValue& value, Config& config) {
  if (auto status = expect_list(value, "trusted_services"); !status.ok()) return status;
  config.trusted_services.clear();
  for (const auto& item : value.node) {
    TrustedService service;
    const YamlValue entry = value.with(item);
    if (auto status = read_map(entry, "a trusted service", kTrustedServiceKeys, service); !status.ok()) return status;
    // Whom to trust is spelled out: nothing is left to a default here.
    for (const std::string_view key : {"executable", "uid", "operations"}) {
      if (item[std::string(key)].IsDefined()) continue;
      return error_at(entry, fmt::format("a trusted service must have the key '{}'", key));
    }
    if (auto status = check_trusted_service(service); !status.ok()) return error_at(entry, status);
    config.trusted_services.push_back(std::move(service));
  }
  return absl::OkStatus();
}

absl::Status read_access(const YamlValue& value, VmmFile& file) {
  static constexpr std::array<std::string_view, 3> kWords = {"read", "write", "read-write"};
  std::size_t word = 0;
  if (auto status = read_word(value, "access", kWords, word); !status.ok()) return status;
  file.read = word != 1;
  file.write = word != 0;
  return absl::OkStatus();
}

constexpr YamlKey<VmmFile> kVmmFileKeys[] = {
    {"path", [](const YamlValue& v, VmmFile& t) { return read_checked(v, "path", check_absolute_path, t.path); }},
    {"access", read_access},
};

absl::Status read_vmm_files(const YamlValue& value, Config& config) {
  if (auto status = expect_list(value, "vmm_files"); !status.ok()) return status;
  for (const auto& item : value.node) {
    VmmFile file = {.path = "", .read = true, .write = false, .below = true};
    const YamlValue entry = value.with(item);
    if (auto status = read_map(entry, "a file of VMMs", kVmmFileKeys, file); !status.ok()) return status;
    if (file.path.empty()) return error_at(entry, "a file of VMMs must have the key 'path'");
    config.vmm_files.push_back(std::move(file));
  }
  return absl::OkStatus();
}

constexpr YamlKey<Spool> kSpoolKeys[] = {
    {"max_mib",
     [](const YamlValue& v, Spool& t) { return read_checked(v, "spool.max_mib", check_spool_mib, t.max_mib); }},
};

absl::Status read_sweep_interval(const YamlValue& value, Sweep& sweep) {
  if (value.node.IsScalar() && value.node.Scalar() == "off") {
    sweep.interval = std::chrono::milliseconds::zero();
    return absl::OkStatus();
  }
  if (auto status = read_duration(value, "sweep.interval", sweep.interval); !status.ok()) return status;
  return error_at(value, check_sweep_interval(sweep.interval));
}

constexpr YamlKey<Sweep> kSweepKeys[] = {{"interval", read_sweep_interval}};

absl::Status read_health_interval(const YamlValue& value, Config& config) {
  if (auto status = read_duration(value, "health_interval", config.health_interval); !status.ok()) return status;
  return error_at(value, check_health_interval(config.health_interval));
}

absl::Status read_self_check_interval(const YamlValue& value, Config& config) {
  if (auto status = read_duration(value, "self_check_interval", config.self_check_interval); !status.ok())
    return status;
  return error_at(value, check_self_check_interval(config.self_check_interval));
}

absl::Status read_tenants(const YamlValue& value, Config& config) {
  if (auto status = read_map(value, "tenants", kTenantsKeys, config.tenants); !status.ok()) return status;
  return error_at(value, check_tenants(config.tenants));
}

absl::Status read_log_level(const YamlValue& value, Config& config) {
  std::size_t word = 0;
  if (auto status = read_word(value, "log_level", kLogLevels, word); !status.ok()) return status;
  config.log_level = static_cast<LogLevel>(word);
  return absl::OkStatus();
}

absl::Status read_http(const YamlValue& value, Config& config) {
  if (auto status = read_checked(value, "http", check_http, config.http); !status.ok()) return status;
  if (config.http == "off") config.http.clear();
  return absl::OkStatus();
}

constexpr YamlKey<Config> kKeys[] = {
    {"collector",
     [](const YamlValue& v, Config& t) { return read_checked(v, "collector", check_collector, t.collector); }},
    {"state_dir",
     [](const YamlValue& v, Config& t) { return read_checked(v, "state_dir", check_absolute_path, t.state_dir); }},
    {"host_id", [](const YamlValue& v, Config& t) { return read_checked(v, "host_id", check_host_id, t.host_id); }},
    {"libvirt", [](const YamlValue& v, Config& t) { return read_map(v, "libvirt", kLibvirtKeys, t.libvirt); }},
    {"tenants", read_tenants},
    {"trusted_services", read_trusted_services},
    {"vmm_files", read_vmm_files},
    {"ring_kib_per_cpu",
     [](const YamlValue& v, Config& t) {
       return read_checked(v, "ring_kib_per_cpu", check_ring_kib, t.ring_kib_per_cpu);
     }},
    {"spool", [](const YamlValue& v, Config& t) { return read_map(v, "spool", kSpoolKeys, t.spool); }},
    {"sweep", [](const YamlValue& v, Config& t) { return read_map(v, "sweep", kSweepKeys, t.sweep); }},
    {"health_interval", read_health_interval},
    {"self_check_interval", read_self_check_interval},
    {"allow_plaintext",
     [](const YamlValue& v, Config& t) { return read_bool(v, "allow_plaintext", t.allow_plaintext); }},
    {"http", read_http},
    {"log_level", read_log_level},
};

}  // namespace

Config default_config() {
  Config config;
  // Who asks them to use a monitor or a console is seen at their own door.
  Operations of_drivers = kOpenVolumes;
  of_drivers.add({Operation::kMonitor, Operation::kGuestAgent, Operation::kConsole});
  for (const std::string_view daemon : {"/usr/sbin/libvirtd", "/usr/sbin/virtqemud"}) {
    config.trusted_services.push_back({.executable = std::string(daemon), .uid = 0, .operations = of_drivers});
  }
  for (const std::string_view daemon : {"/usr/sbin/virtstoraged", "/usr/sbin/virtlogd"}) {
    config.trusted_services.push_back({.executable = std::string(daemon), .uid = 0, .operations = kOpenVolumes});
  }
  // Hands on what others ask it for: that it was asked, and by whom, is seen at itself.
  config.trusted_services.push_back({.executable = "/usr/sbin/virtproxyd", .uid = 0, .operations = kControlDomains});
  // Run by libvirt, sometimes as the owner of a storage pool. Anyone may run them by hand, so the parent decides.
  for (const std::string_view helper :
       {"/usr/bin/qemu-img", "/usr/lib/libvirt/virt-aa-helper", "/usr/lib/libvirt/libvirt_parthelper",
        "/usr/lib/libvirt/libvirt_iohelper", "/usr/libexec/virt-aa-helper", "/usr/libexec/libvirt_parthelper",
        "/usr/libexec/libvirt_iohelper"}) {
    config.trusted_services.push_back({.executable = std::string(helper),
                                       .uid = std::nullopt,
                                       .operations = kOpenVolumes,
                                       .only_from_trusted_parent = true});
  }
  return config;
}

absl::StatusOr<Config> parse_config(std::string_view text, std::string_view file) {
  Config config = default_config();
  try {
    auto root = parse_yaml(text, file);
    if (!root.ok()) return root.status();
    if (root->IsNull()) return config;
    if (auto status = read_map({*root, file}, "", kKeys, config); !status.ok()) return status;
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(fmt::format("{}: {}", file, error.what()));
  }
  return config;
}

absl::Status validate(const Config& config) {
  const auto named = [](std::string_view key, const absl::Status& status) {
    return status.ok() ? status : absl::InvalidArgumentError(prefixed(key, status));
  };
  absl::Status status;
  if (!config.collector.empty()) status.Update(named("collector", check_collector(config.collector)));
  if (!config.http.empty()) status.Update(named("http", check_http(config.http)));
  status.Update(named("state_dir", check_absolute_path(config.state_dir)));
  if (!config.host_id.empty()) status.Update(named("host_id", check_host_id(config.host_id)));
  status.Update(named("libvirt.uri", check_libvirt_uri(config.libvirt.uri)));
  status.Update(named("libvirt.run_dir", check_absolute_path(config.libvirt.run_dir)));
  status.Update(named("ring_kib_per_cpu", check_ring_kib(config.ring_kib_per_cpu)));
  status.Update(named("spool.max_mib", check_spool_mib(config.spool.max_mib)));
  status.Update(check_sweep_interval(config.sweep.interval));
  status.Update(check_health_interval(config.health_interval));
  status.Update(check_self_check_interval(config.self_check_interval));
  for (const TenantRule& rule : config.tenants.rules) {
    status.Update(named("tenants.rules", text::check_tenant_key(rule.tenant)));
  }
  for (const TrustedService& service : config.trusted_services) {
    status.Update(named("trusted_services", check_trusted_service(service)));
  }
  return status;
}

std::vector<std::string> key_names() {
  std::vector<std::string> names;
  const auto add = [&names](std::string_view section, const std::vector<std::string_view>& keys) {
    for (const auto key : keys)
      names.push_back(section.empty() ? std::string(key) : fmt::format("{}.{}", section, key));
  };
  for (const std::string_view key : names_of(kKeys)) {
    if (key == "libvirt") {
      add(key, names_of(kLibvirtKeys));
    } else if (key == "tenants") {
      add(key, names_of(kTenantsKeys));
    } else if (key == "trusted_services") {
      add(key, names_of(kTrustedServiceKeys));
    } else if (key == "vmm_files") {
      add(key, names_of(kVmmFileKeys));
    } else if (key == "spool") {
      add(key, names_of(kSpoolKeys));
    } else if (key == "sweep") {
      add(key, names_of(kSweepKeys));
    } else {
      names.emplace_back(key);
    }
  }
  return names;
}

}  // namespace bulkhead::config
