// As AttributionHost, with the agent's eye on block devices and mounts: from a real loop device to an event with names.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <vector>

#include "agent/mapping/mapping_watch.h"
#include "tests/kernel/attribution_host.h"

namespace bulkhead::test {

class MappingHost {
 public:
  MappingHost();

  // The domain "acme-1" of tenant "acme" has this volume, and so on.
  void apply(std::vector<inventory::Domain> domains);

  // Everything that was told until now, and what shows once the devices have settled.
  std::vector<v1::Event> events();

  // Asks the kernel for the loop module, whose devices come before anything is watched then.
  struct LoopModule {
    LoopModule();
  };
  LoopModule loop_module;
  AttributionHost host{v1::PROBE_DISK_MAPPING};
  // What the last apply() said.
  v1::Inventory inventory;

 private:
  void take_records();

  boost::asio::io_context io_;
  std::unique_ptr<MappingWatch> watch_;
};

// A domain with one volume.
inventory::Domain domain_with(const std::string& name, const std::string& tenant, const std::string& path);

std::vector<v1::Event> mappings(const std::vector<v1::Event>& events);
std::vector<v1::Event> opens(const std::vector<v1::Event>& events);

// Runs a program of the host's to its end; its stdout without the last newline. Fails the test when the program does.
std::string run_program(const std::vector<std::string>& words);
// Runs its program when it goes, whatever happened.
class AtEnd {
 public:
  explicit AtEnd(std::vector<std::string> words) : words_(std::move(words)) {}
  ~AtEnd();
  AtEnd(const AtEnd&) = delete;
  AtEnd& operator=(const AtEnd&) = delete;

 private:
  const std::vector<std::string> words_;
};

// A loop device for as long as it lives.
class LoopDevice {
 public:
  explicit LoopDevice(const std::string& file, std::vector<std::string> options = {});
  ~LoopDevice();
  LoopDevice(const LoopDevice&) = delete;
  LoopDevice& operator=(const LoopDevice&) = delete;

  const std::string& path() const { return path_; }
  std::string name() const { return path_.substr(5); }
  void detach();

 private:
  std::string path_;
};

}  // namespace bulkhead::test
