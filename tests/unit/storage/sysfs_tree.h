// A folder that looks like the part of sysfs that block devices are in.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "agent/storage/block_devices.h"

namespace bulkhead::storage {

class SysfsTree {
 public:
  SysfsTree() {
    std::string pattern = std::filesystem::temp_directory_path() / "bulkhead-sysfs-XXXXXX";
    root_ = mkdtemp(pattern.data());
    std::filesystem::create_directories(root_ + "/dev/block");
  }
  ~SysfsTree() { std::filesystem::remove_all(root_); }
  SysfsTree(const SysfsTree&) = delete;
  SysfsTree& operator=(const SysfsTree&) = delete;

  // `place` such as "sda" or "sda/sda1"; returns the device's folder.
  std::string add(const std::string& place, const std::string& number) {
    const std::string folder = root_ + "/devices/virtual/block/" + place;
    std::filesystem::create_directories(folder);
    write(folder, "dev", number);
    std::filesystem::create_directory_symlink(folder, root_ + "/dev/block/" + number);
    return folder;
  }
  static void write(const std::string& folder, const std::string& name, const std::string& text) {
    const std::filesystem::path path = folder + "/" + name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text << "\n";
  }
  static void stack(const std::string& upper, const std::string& lower) {
    std::filesystem::create_directories(upper + "/slaves");
    std::filesystem::create_directory_symlink(lower,
                                              upper + "/slaves/" + std::filesystem::path(lower).filename().string());
  }
  Sources sources() const { return {.sysfs = root_, .ask_kernel = nullptr, .mapper_type = nullptr}; }

 private:
  std::string root_;
};

}  // namespace bulkhead::storage
