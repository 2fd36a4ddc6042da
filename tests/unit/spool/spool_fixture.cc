#include "tests/unit/spool/spool_fixture.h"

#include <stdlib.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "proto/batch/batch.h"
#include "tests/unit/proto/sample_events.h"

namespace bulkhead::test {

SpoolFixture::SpoolFixture() {
  std::string name = (std::filesystem::temp_directory_path() / "bulkhead-spool-XXXXXX").string();
  REQUIRE(::mkdtemp(name.data()) != nullptr);
  root_ = name;
  options.dir = root_ / "state" / "spool";
  options.host_id = kSampleHost;
  options.boot_id = kSampleBoot;
}

SpoolFixture::~SpoolFixture() {
  close();
  std::error_code ignored;
  std::filesystem::remove_all(root_, ignored);
}

absl::Status SpoolFixture::open() {
  close();
  auto opened = spool::Spool::open(options);
  if (!opened.ok()) return opened.status();
  spool_ = *std::move(opened);
  return absl::OkStatus();
}

spool::Spool& SpoolFixture::reopen() {
  const absl::Status status = open();
  INFO(status);
  REQUIRE(status.ok());
  return *spool_;
}

void SpoolFixture::append(std::size_t count, std::size_t each) {
  for (std::size_t done = 0; done < count; done += each) {
    const absl::Status status = spool_->append(sample_events(std::min(each, count - done), done + 1));
    INFO(status);
    REQUIRE(status.ok());
  }
}

std::vector<std::string> SpoolFixture::items(std::uint64_t sequence, const std::string& boot_id) {
  const std::string boot = boot_id.empty() ? options.boot_id : boot_id;
  std::vector<std::string> found;
  while (true) {
    auto item = spool_->read(boot, sequence);
    INFO(item.status());
    REQUIRE(item.ok());
    if (!item->has_value()) return found;
    const std::string range = absl::StrCat((*item)->first_sequence, "-", (*item)->last_sequence);
    if (const auto* batch = std::get_if<v1::EventBatch>(&(*item)->content)) {
      REQUIRE(batch::validate(*batch).ok());
      REQUIRE(batch->boot_id() == boot);
      REQUIRE(batch->first_sequence() == (*item)->first_sequence);
      REQUIRE(batch::last_sequence(*batch) == (*item)->last_sequence);
      found.push_back(range);
    } else {
      const auto& gap = std::get<v1::SequenceGap>((*item)->content);
      REQUIRE(gap.boot_id() == boot);
      REQUIRE(absl::StrCat(gap.from_sequence(), "-", gap.through_sequence()) == range);
      const bool is_damaged = gap.reason() == v1::SequenceGap::REASON_SPOOL_DAMAGED;
      found.push_back(absl::StrCat("gap ", range, is_damaged ? " damaged" : " acknowledged"));
    }
    REQUIRE((*item)->last_sequence >= sequence);
    sequence = (*item)->last_sequence + 1;
  }
}

std::filesystem::path SpoolFixture::boot_directory() const {
  for (const auto& entry : std::filesystem::directory_iterator(options.dir / "boots")) {
    if (entry.path().filename().string().ends_with(options.boot_id)) return entry.path();
  }
  FAIL("no directory of boot " << options.boot_id);
  return {};
}

std::vector<std::filesystem::path> SpoolFixture::segments() const {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(boot_directory())) {
    if (entry.path().extension() == ".segment") found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file);
  std::stringstream contents;
  contents << file.rdbuf();
  return contents.str();
}

void write_file(const std::filesystem::path& path, const std::string& contents) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << contents;
  REQUIRE(file);
}

void damage(const std::filesystem::path& path, std::uint64_t offset, std::size_t count) {
  std::string contents = read_file(path);
  REQUIRE(offset + count <= contents.size());
  for (std::size_t i = 0; i < count; ++i) contents[offset + i] = static_cast<char>(~contents[offset + i]);
  write_file(path, contents);
}

}  // namespace bulkhead::test
