// A spool in a directory of its own, and the means to look at and to damage its files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "agent/spool/spool.h"

namespace bulkhead::test {

class SpoolFixture {
 public:
  SpoolFixture();
  ~SpoolFixture();

  // Closes the one that is open, as the end of the process would.
  absl::Status open();
  void close() { spool_.reset(); }
  // Opens, and fails the test when that fails.
  spool::Spool& reopen();
  spool::Spool& spool() { return *spool_; }

  // Appends `count` events in appends of `each`; every one must be taken.
  void append(std::size_t count, std::size_t each = 1);

  // All items from `sequence` on, as "1-3" for a batch, "gap 4-9 damaged" or "gap 4-9 acknowledged" for a gap.
  std::vector<std::string> items(std::uint64_t sequence = 1, const std::string& boot_id = "");

  // Of the boot that was opened last, in the order of their sequences.
  std::vector<std::filesystem::path> segments() const;
  std::filesystem::path boot_directory() const;

  spool::Options options;

 private:
  std::filesystem::path root_;
  std::unique_ptr<spool::Spool> spool_;
};

std::string read_file(const std::filesystem::path& path);
void write_file(const std::filesystem::path& path, const std::string& contents);
// Turns over the bits of `count` bytes.
void damage(const std::filesystem::path& path, std::uint64_t offset, std::size_t count = 1);

}  // namespace bulkhead::test
