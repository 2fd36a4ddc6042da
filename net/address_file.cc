#include "net/address_file.h"

#include <fstream>

#include "absl/strings/str_cat.h"

namespace bulkhead::net {

absl::Status AddressFile::write(const std::filesystem::path& directory, const std::string& name,
                                const std::string& address) {
  const auto path = directory / name;
  const auto draft = directory / (name + ".new");
  {
    std::ofstream file(draft, std::ios::trunc);
    file << address << '\n';
    file.close();
    if (!file) return absl::UnavailableError(absl::StrCat("cannot write ", draft.string()));
  }
  std::error_code error;
  std::filesystem::rename(draft, path, error);
  if (error) return absl::UnavailableError(absl::StrCat("cannot write ", path.string(), ": ", error.message()));
  path_ = path;
  return absl::OkStatus();
}

void AddressFile::remove() {
  if (path_.empty()) return;
  std::error_code ignored;  // it may be gone already
  std::filesystem::remove(path_, ignored);
  path_.clear();
}

}  // namespace bulkhead::net
