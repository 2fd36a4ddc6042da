// Virtual machines on a libvirt, through libvirt's own API.
//
// A Hypervisor outlives its Domains. Not thread-safe.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/support/stage/guest_console.h"
#include "tests/support/stage/guest_image.h"
#include "tests/support/stage/private_libvirt.h"

namespace bulkhead::stage {

struct Disk {
  std::filesystem::path image;
  // "qcow2" or "raw".
  std::string format = "raw";
  // In the guest: /dev/<target>.
  std::string target = "vda";
  bool read_only = false;
  bool shareable = false;
};

struct Port {
  // Host device name of the tap, at most 15 characters; libvirt reserves "vnet…".
  std::string device;
  std::string bridge;
  std::string mac;
};

struct DomainPlan {
  std::string name;
  // In libvirt's metadata; empty: nobody says whose it is.
  std::string tenant;
  std::vector<Disk> disks;
  std::vector<Port> ports;
  // Of eth0, with prefix length, such as "10.77.0.11/24"; empty: no network inside.
  std::string address;
  unsigned memory_mib = 96;
  // A reset boots the guest anew; else it is the domain's end.
  bool boots_after_reset = false;
  // More of libvirt's XML for <devices>.
  std::string devices = {};
  // And for the domain itself, such as <memoryBacking>.
  std::string elements = {};
};

// Makes an image with qemu-img.
absl::Status make_image(const std::filesystem::path& path, const std::string& format, unsigned mebibytes);

class Domain;

class Hypervisor {
 public:
  // `use_kvm`: guests run under KVM, or are emulated.
  static absl::StatusOr<Hypervisor> connect(const PrivateLibvirt& libvirt, const GuestImage& image, bool use_kvm);
  Hypervisor(Hypervisor&&) noexcept;
  ~Hypervisor();

  // Defines a domain; it is shut off.
  absl::StatusOr<Domain> define(const DomainPlan& plan);

 private:
  friend class Domain;
  struct Connection;
  explicit Hypervisor(std::unique_ptr<Connection> connection);
  std::unique_ptr<Connection> connection_;
};

class Domain {
 public:
  Domain(Domain&&) noexcept;
  // Destroys and undefines the domain, if the hypervisor can still be reached.
  ~Domain();

  const DomainPlan& plan() const;
  const std::string& uuid() const;

  // The VMM runs when it returns; the guest comes up later: console().wait_ready().
  absl::Status start();
  // Pulls the plug.
  absl::Status destroy();
  absl::Status undefine();
  absl::Status attach(const Disk& disk);
  absl::Status detach(const Disk& disk);

  // From libvirt's pid file; kNotFound while it is off.
  absl::StatusOr<pid_t> vmm_pid() const;
  // Connected by start().
  GuestConsole& console() { return *console_; }

 private:
  friend class Hypervisor;
  struct Handle;
  explicit Domain(std::unique_ptr<Handle> handle);

  std::unique_ptr<Handle> handle_;
  std::optional<GuestConsole> console_;
};

}  // namespace bulkhead::stage
