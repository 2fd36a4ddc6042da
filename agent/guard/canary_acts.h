// The harmless acts that the agent's probes see the agent itself commit: one for each hook that can be reached so.
#pragma once

#include <filesystem>
#include <memory>

#include "absl/status/statusor.h"
#include "agent/probes/ownership_maps.h"
#include "agent/spool/file.h"

namespace bulkhead::guard {

// Belongs to one thread, but for commit().
class CanaryActs {
 public:
  // Makes a file and a socket in `dir` that belong to the agent, and tells `maps`, which must outlive this, of both and
  // of this process.
  static absl::StatusOr<std::unique_ptr<CanaryActs>> create(probes::OwnershipMaps& maps,
                                                            const std::filesystem::path& dir);
  ~CanaryActs();
  CanaryActs(const CanaryActs&) = delete;
  CanaryActs& operator=(const CanaryActs&) = delete;

  // Commits each act once, on the CPU that the calling thread runs on. What this kernel lacks does nothing. Takes some
  // 50 microseconds; any thread.
  void commit() const;

 private:
  CanaryActs(probes::OwnershipMaps& maps, const std::filesystem::path& dir);
  absl::Status open();

  void open_file() const;
  void open_by_handle() const;
  void touch_memory() const;
  void connect_socket() const;

  probes::OwnershipMaps& maps_;
  const std::filesystem::path file_;
  const std::filesystem::path socket_path_;
  probes::FileKey file_key_;
  probes::EndpointKey socket_key_;
  spool::FileDescriptor socket_;
};

}  // namespace bulkhead::guard
