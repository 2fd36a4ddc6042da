#include "agent/ledger/ledger_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <boost/crc.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>

#include "absl/strings/str_cat.h"

namespace bulkhead::ledger {

namespace {

constexpr std::string_view kMagic = "bulkhead ledgers 1\n";

std::uint32_t checksum(std::string_view bytes) {
  boost::crc_32_type crc;
  crc.process_bytes(bytes.data(), bytes.size());
  return crc.checksum();
}

absl::Status write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return absl::ErrnoToStatus(errno, "cannot write");
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return ::fsync(descriptor) == 0 ? absl::OkStatus() : absl::ErrnoToStatus(errno, "cannot sync");
}

}  // namespace

absl::StatusOr<v1::LedgerBook> read_ledgers(const std::string& file) {
  v1::LedgerBook book;
  if (!std::filesystem::exists(file)) return book;
  std::ifstream stream(file, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  std::uint32_t told = 0;
  const std::size_t head = kMagic.size() + sizeof(told);
  if (stream && bytes.size() >= head && std::string_view(bytes).starts_with(kMagic)) {
    std::memcpy(&told, bytes.data() + kMagic.size(), sizeof(told));
    const std::string_view body = std::string_view(bytes).substr(head);
    if (checksum(body) == told && book.ParseFromArray(body.data(), static_cast<int>(body.size()))) return book;
  }
  return absl::DataLossError(absl::StrCat(
      file, ": cannot be read as the ledgers of released volumes; restore it, or remove it to start anew"));
}

absl::Status write_ledgers(const std::string& file, const v1::LedgerBook& book) {
  const std::string body = book.SerializeAsString();
  const std::uint32_t told = checksum(body);
  std::string bytes(kMagic);
  bytes.append(reinterpret_cast<const char*>(&told), sizeof(told));
  bytes.append(body);
  const std::string fresh = absl::StrCat(file, ".new");
  const int descriptor = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (descriptor < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot write ", fresh));
  absl::Status status = write_all(descriptor, bytes);
  ::close(descriptor);
  if (!status.ok()) return absl::Status(status.code(), absl::StrCat(fresh, ": ", status.message()));
  if (std::rename(fresh.c_str(), file.c_str()) == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot write ", file));
}

}  // namespace bulkhead::ledger
