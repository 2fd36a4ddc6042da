#include "agent/inventory/libvirt_daemons.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace bulkhead::inventory {

namespace {

namespace fs = std::filesystem;

// Those that are asked about domains; the others serve networks, storage and logs.
constexpr std::array kDaemons = {"libvirtd", "virtqemud", "virtproxyd"};
constexpr std::string_view kDeleted = " (deleted)";
constexpr std::array kDaemonDirectories = {"/usr/sbin/", "/usr/local/sbin/"};
constexpr std::array kLibraries = {"/usr/lib/x86_64-linux-gnu/libvirt.so.0", "/usr/lib/aarch64-linux-gnu/libvirt.so.0",
                                   "/usr/lib64/libvirt.so.0", "/usr/lib/libvirt.so.0", "/usr/local/lib/libvirt.so.0"};

void add_if_there(std::string path, std::vector<std::string>& paths) {
  std::error_code error;
  if (fs::exists(path, error)) paths.push_back(std::move(path));
}

bool is_daemon(const fs::path& process) {
  std::error_code error;
  std::string name = fs::read_symlink(process / "exe", error).filename().string();
  if (name.ends_with(kDeleted)) name.resize(name.size() - kDeleted.size());
  return !error && std::ranges::find(kDaemons, name) != kDaemons.end();
}

// "Uid: real effective saved file"
bool runs_as_root(const fs::path& process) {
  std::ifstream status(process / "status");
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with("Uid:")) continue;
    std::istringstream words(line.substr(line.find(':') + 1));
    int real = -1, effective = -1;
    return (words >> real >> effective) && effective == 0;
  }
  return false;
}

// "55d0…-55d1… r-xp 00000000 08:01 131 /usr/lib/…/libvirt.so.0.9000.0": any of its mappings leads to the file.
void add_library(const fs::path& process, std::vector<std::string>& libraries) {
  std::ifstream maps(process / "maps");
  for (std::string line; std::getline(maps, line);) {
    const std::size_t slash = line.find('/');
    if (slash == std::string::npos) continue;
    if (!line.substr(line.rfind('/') + 1).starts_with("libvirt.so.0")) continue;
    return add_if_there(process / "map_files" / line.substr(0, line.find(' ')), libraries);
  }
}

}  // namespace

LibvirtFiles find_libvirt_files(const std::string& proc_dir) {
  LibvirtFiles files;
  for (const char* directory : kDaemonDirectories) {
    for (const char* daemon : kDaemons) add_if_there(absl::StrCat(directory, daemon), files.daemons);
  }
  for (const char* library : kLibraries) add_if_there(library, files.libraries);
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(proc_dir, error)) {
    const std::string pid = entry.path().filename();
    if (!std::ranges::all_of(pid, absl::ascii_isdigit) || !is_daemon(entry.path()) || !runs_as_root(entry.path()))
      continue;
    files.daemons.push_back(entry.path() / "exe");
    add_library(entry.path(), files.libraries);
  }
  return files;
}

}  // namespace bulkhead::inventory
