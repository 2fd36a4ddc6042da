#include "agent/ledger/ledger_file.h"

#include <boost/crc.hpp>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "agent/spool/file.h"

namespace bulkhead::ledger {

namespace {

constexpr std::string_view kMagic = "bulkhead ledgers 1\n";

std::uint32_t checksum(std::string_view bytes) {
  boost::crc_32_type crc;
  crc.process_bytes(bytes.data(), bytes.size());
  return crc.checksum();
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
  return spool::replace_file(file, bytes, true);
}

}  // namespace bulkhead::ledger
