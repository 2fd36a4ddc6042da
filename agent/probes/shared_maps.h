// The maps that all probes have in common: ownership, counters and the rings. Only for this folder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/probes/bpf_handles.h"
#include "agent/probes/ledger_maps.h"
#include "agent/probes/ownership_maps.h"

namespace bulkhead::probes {

// One thread uses it at a time.
class SharedMaps {
 public:
  SharedMaps() = default;
  SharedMaps(const SharedMaps&) = delete;
  SharedMaps& operator=(const SharedMaps&) = delete;

  // To be called once, before all else. Each possible CPU has a ring of its own, of a power of two KiB, at least 4.
  // FailedPrecondition without BPF, PermissionDenied without privilege.
  absl::Status load(std::uint32_t ring_kib_per_cpu);

  // An embedded object that has these maps in the place of its own; not loaded yet.
  absl::StatusOr<ObjectPtr> open(const char* name, const void* (*elf)(std::size_t* size)) const;

  OwnershipMaps& ownership() { return *ownership_; }
  LedgerMaps& ledgers() { return *ledgers_; }
  int counters_map() const { return counters_map_; }

  // ProbeSet::poll_descriptor() and drain().
  int poll_descriptor() const { return ring_buffer__epoll_fd(ring_buffer_.get()); }
  void drain(const std::function<void(std::span<const std::byte>)>& on_record) {
    on_record_ = &on_record;
    ring_buffer__consume(ring_buffer_.get());
    on_record_ = nullptr;
  }

 private:
  struct RingBufferCloser {
    void operator()(ring_buffer* rings) const { ring_buffer__free(rings); }
  };

  absl::Status place_rings(int outer);

  static int on_ring_record(void* context, void* data, std::size_t size) {
    auto* self = static_cast<SharedMaps*>(context);
    (*self->on_record_)({static_cast<const std::byte*>(data), size});
    return 0;
  }

  ObjectPtr base_;
  std::vector<FileDescriptor> rings_;
  std::unique_ptr<ring_buffer, RingBufferCloser> ring_buffer_;
  std::unique_ptr<OwnershipMaps> ownership_;
  std::unique_ptr<LedgerMaps> ledgers_;
  const std::function<void(std::span<const std::byte>)>* on_record_ = nullptr;
  int counters_map_ = -1;
};

}  // namespace bulkhead::probes
