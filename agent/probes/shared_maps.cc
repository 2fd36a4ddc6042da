#include "agent/probes/shared_maps.h"

#include <bpf/bpf.h>

#include <array>
#include <cerrno>
#include <string>

#include "absl/strings/str_cat.h"
#include "ebpf/skeletons/object_key.skel.h"

namespace bulkhead::probes {

namespace {

// ebpf/lib/maps.bpf.h: created with the first object, handed to all others.
constexpr std::array kSharedMaps = {
    "vmms",          "volumes",         "declared_files", "ports",      "trusted_executables", "emulators", "domains",
    "endpoints",     "libvirt_daemons", "guarded",        "counters",   "announced_actors",    "rings",     "detached",
    "cgroup_owners", "ledgers",         "ledger_words",   "alias_disks"};

absl::StatusOr<ObjectPtr> open_object(const void* bytes, std::size_t size, const char* name) {
  LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = name);
  ObjectPtr object(bpf_object__open_mem(bytes, size, &options));
  if (object == nullptr) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open the BPF object ", name));
  return object;
}

absl::Status load_failure(int error, const std::string& reason) {
  const std::string text = refusal(error, reason);
  if (error == EPERM || error == EACCES) {
    return absl::PermissionDeniedError(
        absl::StrCat("the kernel refused to load BPF programs: ", text,
                     "; run as root, or with CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN and CAP_SYS_ADMIN"));
  }
  return absl::FailedPreconditionError(absl::StrCat("this kernel cannot load Bulkhead's BPF programs: ", text));
}

}  // namespace

absl::Status SharedMaps::load(std::uint32_t ring_kib_per_cpu) {
  LibbpfMessages messages;
  std::size_t size = 0;
  const void* bytes = bh_object_key::elf_bytes(&size);
  absl::StatusOr<ObjectPtr> base = open_object(bytes, size, "bh_object_key");
  if (!base.ok()) return base.status();
  base_ = *std::move(base);

  const int cpus = libbpf_num_possible_cpus();
  if (cpus <= 0) return absl::FailedPreconditionError("cannot count this host's CPUs");
  bpf_map* rings = bpf_object__find_map_by_name(base_.get(), "rings");
  bpf_map__set_max_entries(rings, static_cast<std::uint32_t>(cpus));
  for (int cpu = 0; cpu < cpus; ++cpu) {
    rings_.emplace_back(bpf_map_create(BPF_MAP_TYPE_RINGBUF, "bh_ring", 0, 0, ring_kib_per_cpu * 1024, nullptr));
    if (!rings_.back()) return load_failure(errno, "creating a ring buffer");
  }
  bpf_map__set_inner_map_fd(rings, rings_.front().get());  // the template of all
  if (bpf_object__load(base_.get()) != 0) return load_failure(errno, messages.reason());

  const auto map = [this](const char* name) { return bpf_object__find_map_fd_by_name(base_.get(), name); };
  const auto program = [this](const char* name) {
    return bpf_program__fd(bpf_object__find_program_by_name(base_.get(), name));
  };
  counters_map_ = map("counters");
  ownership_ = std::make_unique<OwnershipMaps>(OwnershipDescriptors{.vmms = map("vmms"),
                                                                    .volumes = map("volumes"),
                                                                    .alias_disks = map("alias_disks"),
                                                                    .declared_files = map("declared_files"),
                                                                    .ports = map("ports"),
                                                                    .trusted_executables = map("trusted_executables"),
                                                                    .emulators = map("emulators"),
                                                                    .domains = map("domains"),
                                                                    .endpoints = map("endpoints"),
                                                                    .libvirt_daemons = map("libvirt_daemons"),
                                                                    .guarded = map("guarded"),
                                                                    .detached = map("detached"),
                                                                    .cgroup_owners = map("cgroup_owners"),
                                                                    .file_key_program = program("file_key"),
                                                                    .declared_key_program = program("declared_key"),
                                                                    .endpoint_key_program = program("endpoint_key"),
                                                                    .process_program = program("process"),
                                                                    .cgroup_program = program("block_cgroup")});
  ledgers_ = std::make_unique<LedgerMaps>(map("ledgers"), map("ledger_words"));
  return place_rings(map("rings"));
}

absl::Status SharedMaps::place_rings(int outer) {
  for (std::uint32_t cpu = 0; cpu < rings_.size(); ++cpu) {
    const int descriptor = rings_[cpu].get();
    if (bpf_map_update_elem(outer, &cpu, &descriptor, BPF_ANY) != 0) {
      return absl::ErrnoToStatus(errno, "cannot put a BPF ring buffer in its place");
    }
    if (ring_buffer_ == nullptr) {
      ring_buffer_.reset(ring_buffer__new(descriptor, on_ring_record, this, nullptr));
      if (ring_buffer_ == nullptr) return absl::ErrnoToStatus(errno, "cannot map a BPF ring buffer");
    } else if (const int error = ring_buffer__add(ring_buffer_.get(), descriptor, on_ring_record, this); error != 0) {
      return absl::ErrnoToStatus(-error, "cannot map a BPF ring buffer");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<ObjectPtr> SharedMaps::open(const char* name, const void* (*elf)(std::size_t* size)) const {
  std::size_t size = 0;
  const void* bytes = elf(&size);
  absl::StatusOr<ObjectPtr> object = open_object(bytes, size, name);
  if (!object.ok()) return object;
  for (const char* shared : kSharedMaps) {
    if (bpf_map* map = bpf_object__find_map_by_name(object->get(), shared)) {
      bpf_map__reuse_fd(map, bpf_object__find_map_fd_by_name(base_.get(), shared));
    }
  }
  return object;
}

}  // namespace bulkhead::probes
