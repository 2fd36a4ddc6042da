#include "agent/control_watch.h"

#include <chrono>
#include <utility>

#include "agent/inventory/libvirt_daemons.h"
#include "spdlog/spdlog.h"

namespace bulkhead {

namespace {

// As often as calls without an answer are told (ebpf/probes/control/libvirt_rpc.bpf.c).
constexpr std::chrono::seconds kInterval{1};
// A daemon that was upgraded, or that begins in a container, is not watched for this long at most.
constexpr int kSecondsBetweenLooks = 5;

}  // namespace

ControlWatch::ControlWatch(boost::asio::io_context& io, probes::ProbeSet& probes,
                           std::function<void()> coverage_changed)
    : probes_(probes), coverage_changed_(std::move(coverage_changed)), timer_(io) {}

bool ControlWatch::look() {
  const inventory::LibvirtFiles files = inventory::find_libvirt_files();
  std::set<probes::FileKey> daemons;
  for (const std::string& path : files.daemons) {
    const absl::StatusOr<probes::FileKey> key = probes_.ownership().file_key(path);
    if (!key.ok()) continue;  // it just ended
    daemons.insert(*key);
    if (absl::Status status = probes_.ownership().set_libvirt_daemon(*key); !status.ok()) {
      spdlog::error("calls of {} are not seen: {}", path, std::string(status.message()));
    }
  }
  for (const probes::FileKey& key : daemons_) {
    if (!daemons.contains(key)) probes_.ownership().remove_libvirt_daemon(key);
  }
  daemons_ = std::move(daemons);
  return probes_.follow_libvirt(files.libraries);
}

void ControlWatch::start() {
  if (look()) coverage_changed_();
  arm();
}

void ControlWatch::stop() {
  stopped_ = true;
  timer_.cancel();
}

void ControlWatch::arm() {
  timer_.expires_after(kInterval);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error || stopped_) return;
    bool changed = probes_.tend();
    seconds_ = (seconds_ + 1) % kSecondsBetweenLooks;
    if (seconds_ == 0) changed = look() || changed;
    if (changed) coverage_changed_();
    arm();
  });
}

}  // namespace bulkhead
