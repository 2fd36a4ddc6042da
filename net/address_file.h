// A file that tells scripts where a program listens, while it does.
#pragma once

#include <filesystem>
#include <string>

#include "absl/status/status.h"

namespace bulkhead::net {

class AddressFile {
 public:
  AddressFile() = default;
  ~AddressFile() { remove(); }
  AddressFile(const AddressFile&) = delete;
  AddressFile& operator=(const AddressFile&) = delete;

  // A reader sees the whole line or no file.
  absl::Status write(const std::filesystem::path& directory, const std::string& name, const std::string& address);
  void remove();

 private:
  std::filesystem::path path_;
};

}  // namespace bulkhead::net
