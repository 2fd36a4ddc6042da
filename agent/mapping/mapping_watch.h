// Which of the host's block devices and mounts lead to tenants' volumes: DISK-03. Looks at what the kernel tells of
// (probe disk.mapping), and from time to time at everything.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <vector>

#include "agent/decode/records.h"
#include "agent/ownership/ownership.h"

namespace bulkhead {

// Belongs to the thread that runs `io`.
class MappingWatch {
 public:
  // `ownership` must outlive this. `tell` is given what is a tenant's matter, with the volume and the mapping filled
  // in.
  MappingWatch(boost::asio::io_context& io, ownership::Ownership& ownership,
               std::function<void(decode::MappingRecord)> tell);

  // Of the kernel: somebody's act on any device or mount.
  void take(decode::MappingRecord record);

  // Mappings that came or went with the inventory, by nobody's act that was seen.
  void tell(const std::vector<ownership::AliasChange>& changes);

  // Looks at all devices from time to time, until stop().
  void start();
  void stop();

 private:
  void arm();
  void tell_as(const decode::MappingRecord& act, const std::vector<ownership::AliasChange>& changes);
  void tell_mount(decode::MappingRecord record);
  void look_later(const decode::MappingRecord& act);
  // The volume that the file system is on; nothing of one that is on none.
  probes::FileKey volume_below(const decode::MappingRecord& mount) const;

  boost::asio::io_context& io_;
  ownership::Ownership& ownership_;
  const std::function<void(decode::MappingRecord)> tell_;
  boost::asio::steady_timer timer_;
  bool stopped_ = false;
};

}  // namespace bulkhead
