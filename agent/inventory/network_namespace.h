// Device name to interface index, in the network namespace of another process: where a VMM's taps are.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string_view>

#include "absl/status/statusor.h"

namespace bulkhead::inventory {

struct NetworkDevice {
  std::uint32_t network_namespace = 0;  // inode number of the namespace
  std::uint32_t ifindex = 0;
};

// Thread safe. Keeps one socket for each namespace that was asked about (which also keeps that namespace alive) until
// release_idle(). A thread that enters a foreign namespace lives for one call and ends.
class NetworkNamespaces {
 public:
  NetworkNamespaces() = default;
  ~NetworkNamespaces();
  NetworkNamespaces(const NetworkNamespaces&) = delete;
  NetworkNamespaces& operator=(const NetworkNamespaces&) = delete;

  // NotFound when there is no such process or no such device there; PermissionDenied without CAP_SYS_ADMIN.
  absl::StatusOr<NetworkDevice> resolve(std::uint32_t pid, std::string_view device);

  // Closes the sockets of namespaces that nobody asked about since the last call. Call it after each round of
  // resolve().
  void release_idle();

 private:
  struct Entry {
    int socket = -1;
    bool used = false;
  };
  std::mutex mutex_;
  std::map<std::uint32_t, Entry> entries_;  // by inode number; guarded by mutex_
};

}  // namespace bulkhead::inventory
