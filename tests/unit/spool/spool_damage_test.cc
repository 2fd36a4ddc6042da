// What happens to a spool's files beside it: crashes, bad disks, other agents, other hosts.
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "agent/spool/segment_format.h"
#include "tests/unit/proto/sample_events.h"
#include "tests/unit/spool/spool_fixture.h"

using namespace bulkhead;
using test::SpoolFixture;
using Items = std::vector<std::string>;

namespace {

// Where each record of a segment begins, and the end.
std::vector<std::uint64_t> record_offsets(const std::filesystem::path& path) {
  const std::string bytes = test::read_file(path);
  const auto header = spool::decode_segment_header(bytes);
  REQUIRE(header.has_value());
  std::vector<std::uint64_t> offsets{spool::kSegmentHeaderBytes};
  while (offsets.back() < bytes.size()) {
    const auto record = spool::decode_record_header(std::string_view(bytes).substr(offsets.back()), header->mark);
    REQUIRE(record.has_value());
    offsets.push_back(offsets.back() + spool::kRecordHeaderBytes + record->payload_bytes);
  }
  return offsets;
}

}  // namespace

TEST_CASE("CRC-32C has the check value of its definition") {
  CHECK(spool::crc32c("123456789") == 0xe3069283);
}

TEST_CASE("An end torn at any byte is cut, counted, and its sequence given to the next event") {
  SpoolFixture whole;
  whole.reopen();
  whole.append(3);
  whole.close();
  const std::string bytes = test::read_file(whole.segments().front());
  const auto offsets = record_offsets(whole.segments().front());
  // The header's every byte, then steps through the payload.
  for (std::uint64_t size = offsets[2] + 1; size < offsets[3]; size += size < offsets[2] + 40 ? 1 : 37) {
    INFO("cut at " << size);
    SpoolFixture fixture;
    fixture.reopen();
    fixture.close();
    test::write_file(fixture.segments().front(), bytes.substr(0, size));
    auto& spool = fixture.reopen();
    CHECK(spool.statistics().cut_bytes == size - offsets[2]);
    CHECK(spool.statistics().damaged_events == 0);
    fixture.append(1);
    CHECK(fixture.items() == Items{"1-1", "2-2", "3-3"});
    CHECK(fixture.reopen().statistics().cut_bytes == 0);
  }
}

TEST_CASE("A segment whose header was never written whole is begun again") {
  SpoolFixture fixture;
  fixture.reopen();
  fixture.append(2);
  fixture.reopen();
  fixture.close();
  REQUIRE(fixture.segments().size() == 2);
  test::write_file(fixture.segments().back(), "BHSP");
  fixture.reopen();
  fixture.append(1);
  CHECK(fixture.items() == Items{"1-1", "2-2", "3-3"});
}

TEST_CASE("A damaged record in the middle comes out as a gap, counted once, and all others are read") {
  SpoolFixture fixture;
  fixture.reopen();
  fixture.append(15, 3);
  const auto path = fixture.segments().front();
  const auto offsets = record_offsets(path);
  std::uint64_t offset = 0;
  SECTION("in the mark") {
    offset = offsets[2] + 3;
  }
  SECTION("in the length") {
    offset = offsets[2] + 18;
  }
  SECTION("in the checksum") {
    offset = offsets[2] + 25;
  }
  SECTION("in the payload") {
    offset = offsets[2] + 60;
  }
  SECTION("in the payload's last byte") {
    offset = offsets[3] - 1;
  }
  test::damage(path, offset);
  const Items expected{"1-3", "4-6", "gap 7-9 damaged", "10-12", "13-15"};
  CHECK(fixture.items() == expected);
  CHECK(fixture.items() == expected);
  CHECK(fixture.items(8) == Items{"gap 8-9 damaged", "10-12", "13-15"});
  CHECK(fixture.spool().statistics().damaged_events == 3);
  fixture.reopen();
  CHECK(fixture.items() == expected);
}

TEST_CASE("Damage that leaves a valid batch behind is damage all the same") {
  SpoolFixture fixture;
  fixture.reopen();
  fixture.append(2);
  const auto path = fixture.segments().front();
  std::string bytes = test::read_file(path);
  const std::string host = test::kSampleHost;
  REQUIRE(bytes.find(host) != std::string::npos);
  bytes.replace(bytes.find(host), host.size(), std::string(host.size(), 'e'));
  test::write_file(path, bytes);
  CHECK(fixture.items() == Items{"gap 1-1 damaged", "2-2"});
}

TEST_CASE("A record that a tenant's text imitates is not believed behind damage") {
  SpoolFixture fixture;
  auto& spool = fixture.reopen();
  // A path that holds a whole record with right checksums, of a mark that its author had to guess.
  v1::Event event = test::sample_file_open(1);
  const std::string payload = "x";
  const spool::RecordHeader forged{
      .first_sequence = 99, .payload_bytes = 1, .events = 1, .payload_crc = spool::crc32c(payload)};
  event.set_path(spool::encode(forged, 0x4141414141414141) + payload);
  REQUIRE(spool.append({event}).ok());
  fixture.append(1);
  test::damage(fixture.segments().front(), record_offsets(fixture.segments().front())[0] + 33);
  CHECK(fixture.items() == Items{"gap 1-1 damaged", "2-2"});
}

TEST_CASE("A damaged end never lets a sequence be given out twice") {
  SpoolFixture fixture;
  fixture.reopen();
  fixture.append(9, 3);
  const auto path = fixture.segments().front();
  const auto offsets = record_offsets(path);
  fixture.close();
  test::damage(path, offsets[2] + 4);
  auto& spool = fixture.reopen();
  fixture.append(1);
  const auto items = fixture.items();
  REQUIRE(items.size() == 4);
  CHECK(items[1] == "4-6");
  CHECK_THAT(items[2], Catch::StartsWith("gap 7-") && Catch::EndsWith(" damaged"));
  // Three events were there, so the next sequence is past 9.
  CHECK(spool.statistics().spooled_through > 10);
  CHECK(items[3] == absl::StrCat(spool.statistics().spooled_through, "-", spool.statistics().spooled_through));
  CHECK(spool.statistics().damaged_events >= 3);
}

TEST_CASE("A segment with a damaged header is a gap up to the next one") {
  SpoolFixture fixture;
  fixture.reopen();
  fixture.append(4, 2);
  fixture.reopen();
  fixture.append(2, 2);
  test::damage(fixture.segments().front(), 13);
  CHECK(fixture.items() == Items{"gap 1-4 damaged", "5-6"});
}

TEST_CASE("A segment that was deleted behind the spool's back is a gap") {
  SpoolFixture fixture;
  for (int i = 0; i < 3; ++i) {
    fixture.reopen();
    fixture.append(2, 2);
  }
  std::filesystem::remove(fixture.segments()[1]);
  CHECK(fixture.items() == Items{"1-2", "gap 3-4 damaged", "5-6"});
  fixture.reopen();
  CHECK(fixture.items() == Items{"1-2", "gap 3-4 damaged", "5-6"});
}

TEST_CASE("A segment under another one's name is not believed") {
  SpoolFixture fixture;
  for (int i = 0; i < 3; ++i) {
    fixture.reopen();
    fixture.append(2, 2);
  }
  fixture.close();
  test::write_file(fixture.segments()[1], test::read_file(fixture.segments()[0]));
  fixture.reopen();
  CHECK(fixture.items() == Items{"1-2", "gap 3-4 damaged", "5-6"});
}

TEST_CASE("An older segment under the newest one's name never lets a sequence be given out twice") {
  SpoolFixture fixture;
  for (int i = 0; i < 3; ++i) {
    fixture.reopen();
    fixture.append(2, 2);
  }
  fixture.close();
  test::write_file(fixture.segments()[2], test::read_file(fixture.segments()[0]));
  auto& spool = fixture.reopen();
  fixture.append(1);
  CHECK(spool.statistics().spooled_through > 7);
}

TEST_CASE("With a damaged state file events are sent twice rather than never") {
  SpoolFixture fixture;
  auto& spool = fixture.reopen();
  REQUIRE(spool.meet(fixture.options.boot_id, 501).ok());
  fixture.append(4, 2);
  fixture.close();
  test::damage(fixture.boot_directory() / "state", 30);
  auto& reopened = fixture.reopen();
  REQUIRE(reopened.meet(fixture.options.boot_id, 503).ok());
  CHECK(fixture.items(503) == Items{"503-504", "505-506"});
}

TEST_CASE("A spool in use is refused in one line that names the other agent") {
  SpoolFixture fixture;
  fixture.reopen();
  const auto second = spool::Spool::open(fixture.options);
  REQUIRE(absl::IsFailedPrecondition(second.status()));
  const std::string message(second.status().message());
  CHECK_THAT(message, Catch::Contains(fixture.options.dir.string()) &&
                          Catch::Contains("in use by another agent (pid " + std::to_string(::getpid()) + ")"));
  CHECK(message.find('\n') == std::string::npos);
  fixture.reopen();
}

TEST_CASE("A spool of another host is refused") {
  SpoolFixture fixture;
  fixture.reopen();
  fixture.options.host_id = "another-host";
  const absl::Status status = fixture.open();
  CHECK(absl::IsFailedPrecondition(status));
  CHECK_THAT(std::string(status.message()), Catch::Contains("does not belong to host another-host"));
}

TEST_CASE("A spool of a newer format is refused") {
  SpoolFixture fixture;
  fixture.reopen();
  fixture.close();
  test::write_file(fixture.options.dir / "identity", "bulkhead spool 7\nhost x\n");
  const absl::Status status = fixture.open();
  CHECK(absl::IsFailedPrecondition(status));
  CHECK_THAT(std::string(status.message()), Catch::Contains("has format 7"));
}

TEST_CASE("A directory that cannot be made is refused in one line") {
  SpoolFixture fixture;
  std::filesystem::create_directories(fixture.options.dir.parent_path());
  SECTION("a file is in its place") {
    test::write_file(fixture.options.dir, "");
    const absl::Status status = fixture.open();
    REQUIRE_FALSE(status.ok());
    CHECK_THAT(std::string(status.message()), Catch::Contains(fixture.options.dir.string()));
  }
  SECTION("the file system is not writable") {
    fixture.options.dir = "/proc/bulkhead-spool";
    const absl::Status status = fixture.open();
    REQUIRE_FALSE(status.ok());
    CHECK_THAT(std::string(status.message()), Catch::Contains("spool /proc/bulkhead-spool cannot be made") &&
                                                  Catch::Contains("choose another state directory"));
  }
}

// Root may write everywhere, and is nobody while this lives.
struct AsNobody {
  AsNobody() {
    if (was_ == 0) (void)!::seteuid(65534);
  }
  ~AsNobody() { (void)!::seteuid(was_); }
  const uid_t was_ = ::geteuid();
};

TEST_CASE("A directory of another user is refused as a matter of permission") {
  SpoolFixture fixture;
  std::filesystem::create_directories(fixture.options.dir);
  REQUIRE(::chmod(fixture.options.dir.c_str(), 0500) == 0);
  const AsNobody nobody;
  CHECK(absl::IsPermissionDenied(fixture.open()));
}

TEST_CASE("Options that cannot work are refused") {
  SpoolFixture fixture;
  SECTION("boot id with a slash") {
    fixture.options.boot_id = "../other";
  }
  SECTION("no boot id") {
    fixture.options.boot_id = "";
  }
  SECTION("no host id") {
    fixture.options.host_id = "";
  }
  SECTION("host id of two lines") {
    fixture.options.host_id = "a\nb";
  }
  SECTION("too small") {
    fixture.options.max_bytes = 1000;
  }
  SECTION("no directory") {
    fixture.options.dir = "";
  }
  CHECK(absl::IsInvalidArgument(fixture.open()));
}
