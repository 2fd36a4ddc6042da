#include "agent/mapping/mapping_watch.h"

#include <time.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/storage/block_devices.h"
#include "agent/storage/identity.h"

namespace bulkhead {

namespace asio = boost::asio;

namespace {

// For events that were lost, and for what comes without one.
constexpr std::chrono::seconds kLookInterval{10};
// The kernel tells of some changes before they are done, such as a loop device's end.
constexpr std::chrono::milliseconds kSettling{150};

decode::Header now_by_nobody() {
  timespec now = {};
  clock_gettime(CLOCK_BOOTTIME, &now);
  decode::Header header;
  header.time_ns = static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
  header.probe = v1::PROBE_DISK_MAPPING;
  return header;
}

}  // namespace

MappingWatch::MappingWatch(asio::io_context& io, ownership::Ownership& ownership,
                           std::function<void(decode::MappingRecord)> tell)
    : io_(io), ownership_(ownership), tell_(std::move(tell)), timer_(io) {}

void MappingWatch::take(decode::MappingRecord record) {
  if (record.is_mount) {
    tell_mount(std::move(record));
  } else {
    tell_as(record, ownership_.block_device_changed(record.device));
    look_later(record);
  }
}

void MappingWatch::look_later(const decode::MappingRecord& act) {
  if (stopped_ || act.device == 0) return;
  auto timer = std::make_shared<asio::steady_timer>(io_, kSettling);
  timer->async_wait([this, timer, act](const boost::system::error_code& error) {
    if (!error && !stopped_) tell_as(act, ownership_.block_device_changed(act.device));
  });
}

void MappingWatch::tell(const std::vector<ownership::AliasChange>& changes) {
  decode::MappingRecord nobodys;
  nobodys.header = now_by_nobody();
  tell_as(nobodys, changes);
}

void MappingWatch::tell_as(const decode::MappingRecord& act, const std::vector<ownership::AliasChange>& changes) {
  for (const ownership::AliasChange& change : changes) {
    decode::MappingRecord record = act;
    const probes::FileKey& volume = change.alias.volume;
    record.header.object = {change.alias.owner.tenant, change.alias.owner.domain};
    record.volume = {volume.inode, volume.device, volume.generation, volume.block_device, false};
    record.path = change.alias.path;
    record.mapping = change.alias.mapping;
    record.mapping.set_removed(change.removed);
    tell_(std::move(record));
  }
}

probes::FileKey MappingWatch::volume_below(const decode::MappingRecord& mount) const {
  const probes::FileKey root = {.inode = mount.root.inode,
                                .device = mount.root.device,
                                .generation = mount.root.generation,
                                .block_device = mount.root.block_device};
  if (ownership_.volume(root) != nullptr) return root;
  if (mount.device != 0) return storage::key_of(mount.device);
  // On several devices: its own folder in sysfs names them.
  std::error_code error;
  const std::string folder = absl::StrCat("/sys/fs/btrfs/", storage::uuid_text(mount.file_system), "/devices");
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    std::ifstream file(entry->path() / "dev");
    std::string text;
    file >> text;
    const auto number = storage::parse_device_number(text);
    if (number && ownership_.volume(storage::key_of(*number)) != nullptr) return storage::key_of(*number);
  }
  return {};
}

void MappingWatch::tell_mount(decode::MappingRecord record) {
  const probes::FileKey key = volume_below(record);
  const ownership::VolumeFacts* volume = ownership_.volume(key);
  if (volume == nullptr) return;
  record.header.object = {volume->owner.tenant, volume->owner.domain};
  const ownership::VolumeAlias* alias = ownership_.alias(key);
  const probes::FileKey& named = alias != nullptr ? alias->volume : key;
  record.volume = {named.inode, named.device, named.generation, named.block_device, false};
  record.mapping.set_kind(v1::VOLUME_MAPPING_KIND_MOUNT);
  record.mapping.set_name(record.path);
  record.mapping.set_type(record.type);
  record.mapping.set_device(record.device);
  record.mapping.set_read_only(record.read_only);
  tell_(std::move(record));
}

void MappingWatch::start() {
  tell(ownership_.block_device_changed(0));
  arm();
}

void MappingWatch::stop() {
  stopped_ = true;
  timer_.cancel();
}

void MappingWatch::arm() {
  timer_.expires_after(kLookInterval);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error || stopped_) return;
    tell(ownership_.block_device_changed(0));
    arm();
  });
}

}  // namespace bulkhead
