// DISK-07 on real loop devices: what the kernel side makes of writes, zeroes, discards and reads, and what the agent's
// book says when a volume changes hands.
#include <catch2/catch.hpp>
#include <memory>
#include <optional>
#include <thread>

#include "agent/ledger/ledger_book.h"
#include "agent/ledger/ledger_image.h"
#include "tests/kernel/kernel_host.h"
#include "tests/support/skip.h"
#include "tests/support/stage/loop_device.h"

namespace bulkhead::test {
namespace {

using decode::ResidueRecord;

constexpr std::uint64_t kMiB = 1 << 20;
const std::vector<v1::Probe> kWatched = {v1::PROBE_DISK_BLOCK_IO};

// A volume and the book that follows its owners.
struct Stage {
  explicit Stage(std::uint64_t size = 4 * kMiB) {
    device.emplace(directory.path() + "/disk", size);
    open_book();
  }

  stage::LoopDevice& disk() { return *device; }

  void open_book() {
    ledger::Surroundings around;
    around.maps = &host.probes().ledgers();
    around.storage = &storage;
    around.file = directory.path() + "/ledgers";
    around.host_id = "host-1";
    auto opened = ledger::LedgerBook::open(std::move(around));
    REQUIRE(opened.ok());
    book = *std::move(opened);
  }

  probes::FileKey key() const {
    return {.inode = 0, .device = device->number(), .generation = 0, .block_device = true};
  }

  // As the inventory would have it: the volume is this tenant's, or nobody's.
  void give_to(const std::string& tenant, probes::Owner owner) {
    std::vector<ownership::OwnedBlock> owned;
    if (!tenant.empty()) owned.push_back({key(), device->path(), tenant, owner});
    const auto numbers = book->follow(owned, {}, {});
    const auto number = numbers.find(key());
    ledger_number = number == numbers.end() ? 0 : number->second;
    REQUIRE(host.maps().set_volume(key(), owner, ledger_number).ok());
  }
  void release() { give_to("", {probes::kHostNumber, 0}); }

  // A process of the host's, or a VMM of this owner's, does this to the device.
  void use(std::vector<std::string> acts, probes::Owner owner = {}) {
    std::vector<std::string> words = {"block_user", "--wait", device->path()};
    words.insert(words.end(), acts.begin(), acts.end());
    stage::ChildProcess user = start_subject(std::move(words));
    REQUIRE(user.read_line(kPatience).ok());
    if (owner != probes::Owner{}) {
      const auto process = host.maps().process(static_cast<std::uint32_t>(user.pid()));
      REQUIRE(process.ok());
      REQUIRE(host.maps().set_vmm(*process, owner, false).ok());
    }
    REQUIRE(user.write_line("go").ok());
    const auto status = user.wait(kPatience);
    REQUIRE(status.ok());
    CHECK(*status == 0);
  }

  v1::WipeRecord only_told() {
    const std::vector<ledger::ToldWipe> told = book->take_told();
    REQUIRE(told.size() == 1);
    CHECK(told.front().source == device->path());
    return told.front().record;
  }

  KernelHost host{kWatched};
  storage::HostStorage storage;
  TemporaryDirectory directory;
  std::optional<stage::LoopDevice> device;
  std::unique_ptr<ledger::LedgerBook> book;
  std::uint32_t ledger_number = 0;
};

std::string text_of(const google::protobuf::RepeatedPtrField<v1::Extent>& extents) {
  std::string text;
  for (const v1::Extent& extent : extents) {
    text += std::to_string(extent.offset()) + "+" + std::to_string(extent.length()) + " ";
  }
  return text;
}

TEST_CASE("a volume that goes to another tenant as it was is told with all that remains", "[DISK-07]") {
  BULKHEAD_NEEDS_PROBES();
  Stage stage;
  stage.give_to("acme", kAcme);
  stage.use({"write:0:65536"}, kAcme);
  SECTION("after it was nobody's") {
    stage.release();
  }
  SECTION("at once") {}
  stage.give_to("globex", kGlobex);
  const v1::WipeRecord told = stage.only_told();
  CHECK(told.verdict() == v1::WIPE_VERDICT_NONE);
  CHECK(told.previous_tenant() == "acme");
  CHECK(told.next_tenant() == "globex");
  CHECK(told.size() == 4 * kMiB);
  CHECK(told.bytes_remaining() == 4 * kMiB);
  CHECK(text_of(told.remaining()) == "0+4194304 ");
  CHECK(told.granule() == 4096);
}

TEST_CASE("what is wiped of a released volume is told apart, to the byte", "[DISK-07]") {
  BULKHEAD_NEEDS_PROBES();
  Stage stage;
  stage.give_to("acme", kAcme);
  stage.release();
  stage.use({"write:4096:8192", "zero:1048576:1048576", "discard:2097152:65536", "write:8192:4096"});
  stage.give_to("globex", kGlobex);
  const v1::WipeRecord told = stage.only_told();
  CHECK(told.verdict() == v1::WIPE_VERDICT_PARTIAL);
  CHECK(told.bytes_overwritten() == 8192);
  CHECK(told.bytes_zeroed() == kMiB);
  CHECK(told.bytes_discarded() == 65536);
  CHECK(told.bytes_remaining() == 4 * kMiB - 8192 - kMiB - 65536);
  CHECK(text_of(told.remaining()) == "0+4096 12288+1036288 2162688+2031616 ");
  CHECK(told.remaining_extents() == 3);
  CHECK(told.has_first_wiped());
  CHECK(told.hosts_size() == 1);
}

TEST_CASE("a released volume that is wiped whole yields a wipe proof, and goes on without a finding", "[DISK-07]") {
  BULKHEAD_NEEDS_PROBES();
  Stage stage;
  stage.give_to("acme", kAcme);
  stage.release();
  const std::string how = GENERATE("zero", "write", "discard");
  CAPTURE(how);
  stage.use({how + ":0:4194304"});
  stage.book->tend();
  const v1::WipeRecord proof = stage.only_told();
  CHECK(proof.verdict() == v1::WIPE_VERDICT_PROVEN);
  CHECK(proof.next_tenant().empty());
  CHECK(proof.bytes_remaining() == 0);
  CHECK((how == "zero"    ? proof.bytes_zeroed()
         : how == "write" ? proof.bytes_overwritten()
                          : proof.bytes_discarded()) == 4 * kMiB);
  stage.book->tend();
  CHECK(stage.book->take_told().empty());

  stage.give_to("globex", kGlobex);
  CHECK(stage.only_told().verdict() == v1::WIPE_VERDICT_PROVEN);
  stage.use({"read:0:4194304"}, kGlobex);
  CHECK(only<ResidueRecord>(stage.host.collect_until_marker()).empty());
}

TEST_CASE("the next tenant's read of what it never wrote is told with its extents", "[DISK-07]") {
  BULKHEAD_NEEDS_PROBES();
  Stage stage;
  stage.give_to("acme", kAcme);
  stage.release();
  stage.use({"zero:0:1048576"});
  stage.give_to("globex", kGlobex);
  CHECK(stage.book->residue(stage.key()).previous_tenant == "acme");

  stage.use({"read:0:1048576", "write:2097152:4096", "read:2097152:4096"}, kGlobex);
  stage.use({"read:1048576:4096"});  // a process of the host's is another rule's matter
  CHECK(only<ResidueRecord>(stage.host.collect_until_marker()).empty());

  stage.use({"read:2093056:12288"}, kGlobex);
  const auto told = only<ResidueRecord>(stage.host.collect_until_marker());
  REQUIRE(told.size() == 1);
  CHECK(told[0].residue.bytes() == 8192);
  CHECK(told[0].residue.reads() == 1);
  CHECK(text_of(told[0].residue.extents()) == "2093056+4096 2101248+4096 ");
  CHECK(told[0].header.actor.tenant == kGlobex.tenant);
  CHECK(told[0].header.probe == v1::PROBE_DISK_BLOCK_IO);
}

TEST_CASE("a tenant that reads on and on is told a few times a second, with all of it", "[DISK-07]") {
  BULKHEAD_NEEDS_PROBES();
  Stage stage;
  stage.give_to("acme", kAcme);
  stage.give_to("globex", kGlobex);
  std::vector<std::string> reads;
  for (int i = 0; i < 500; ++i) reads.push_back("read:" + std::to_string(i * 4096) + ":4096");
  stage.use(reads, kGlobex);
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  stage.use({"read:4096:4096"}, kGlobex);
  std::uint64_t bytes = 0, count = 0;
  const auto told = only<ResidueRecord>(stage.host.collect_until_marker());
  for (const ResidueRecord& one : told) {
    bytes += one.residue.bytes();
    count += one.residue.reads();
  }
  CHECK(told.size() >= 2);
  CHECK(told.size() <= 100);
  CHECK(count == 501);
  CHECK(bytes == 501 * 4096);
  const v1::ProbeCounters counters = stage.host.counters_of(v1::PROBE_DISK_BLOCK_IO);
  CHECK(counters.seen() == counters.suppressed() + counters.coalesced() + counters.emitted() + counters.lost());
  CHECK(counters.lost() == 0);
}

TEST_CASE("small writes in a row make a granule clean, and a lone one does not", "[DISK-07]") {
  BULKHEAD_NEEDS_PROBES();
  Stage stage;
  stage.give_to("acme", kAcme);
  stage.release();
  std::vector<std::string> writes;
  for (int sector = 0; sector < 8; ++sector) writes.push_back("write:" + std::to_string(4096 + sector * 512) + ":512");
  writes.push_back("write:65536:512");
  stage.use(writes);
  stage.give_to("globex", kGlobex);
  const v1::WipeRecord told = stage.only_told();
  CHECK(told.bytes_overwritten() == 4096);
  CHECK(text_of(told.remaining()) == "0+4096 8192+4186112 ");
  // Of the other granule it is not known which part was read.
  stage.use({"read:65536:512"}, kGlobex);
  CHECK(only<ResidueRecord>(stage.host.collect_until_marker()).empty());
}

TEST_CASE("a volume that is back with its tenant is nobody's finding", "[DISK-07]") {
  BULKHEAD_NEEDS_PROBES();
  Stage stage;
  stage.give_to("acme", kAcme);
  stage.release();
  stage.give_to("acme", kAcme);
  CHECK(stage.book->take_told().empty());
  CHECK(stage.ledger_number == 0);
  stage.use({"read:0:65536"}, kAcme);
  CHECK(only<ResidueRecord>(stage.host.collect_until_marker()).empty());
}

TEST_CASE("what was wiped is remembered when the agent starts anew, and the time between is stated", "[DISK-07]") {
  BULKHEAD_NEEDS_PROBES();
  Stage stage;
  stage.give_to("acme", kAcme);
  stage.give_to("globex", kGlobex);
  CHECK(stage.only_told().verdict() == v1::WIPE_VERDICT_NONE);
  stage.use({"write:0:65536"}, kGlobex);
  REQUIRE((stage.book->tend(), stage.book->save().ok()));
  stage.book.reset();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  stage.open_book();
  stage.give_to("globex", kGlobex);
  CHECK(stage.book->take_told().empty());
  const ownership::Residue residue = stage.book->residue(stage.key());
  CHECK(residue.previous_tenant == "acme");
  CHECK(residue.unobserved_ns >= 20'000'000);
  stage.use({"read:0:65536"}, kGlobex);
  CHECK(only<ResidueRecord>(stage.host.collect_until_marker()).empty());
  stage.use({"read:65536:4096"}, kGlobex);
  CHECK(only<ResidueRecord>(stage.host.collect_until_marker()).size() == 1);
}

TEST_CASE("a disk that takes a number over is not judged by the ledger of the one before", "[DISK-07]") {
  BULKHEAD_NEEDS_PROBES();
  Stage stage;
  stage.give_to("acme", kAcme);
  stage.give_to("globex", kGlobex);
  const std::uint32_t number = stage.disk().number();
  // The map still says that the number is the volume's.
  stage.device.reset();
  stage.device.emplace(stage.directory.path() + "/other", 4 * kMiB);
  REQUIRE(stage.disk().number() == number);
  stage.use({"read:0:4096"}, kGlobex);
  CHECK(only<ResidueRecord>(stage.host.collect_until_marker()).empty());
  CHECK(stage.book->tend());
}

TEST_CASE("a volume of 1 TiB has a ledger of 2 MiB, and its last bytes count", "[DISK-07]") {
  BULKHEAD_NEEDS_PROBES();
  constexpr std::uint64_t kTiB = std::uint64_t{1} << 40;
  Stage stage(kTiB);
  const auto ledger = stage.host.probes().ledgers().create(1, kTiB);
  REQUIRE(ledger.ok());
  CHECK((*ledger)->words().size_bytes() == 2 * kMiB);
  stage.give_to("acme", kAcme);
  stage.release();
  const std::uint64_t granule = 128 * 1024;
  stage.use({"write:" + std::to_string(kTiB - granule) + ":131072", "write:0:4096"});
  stage.give_to("globex", kGlobex);
  const v1::WipeRecord told = stage.only_told();
  CHECK(told.granule() == granule);
  CHECK(told.bytes_overwritten() == granule);
  CHECK(text_of(told.remaining()) == "0+" + std::to_string(kTiB - granule) + " ");
  stage.use({"read:0:4096", "read:131072:4096", "read:" + std::to_string(kTiB - 4096) + ":4096"}, kGlobex);
  const auto reads = only<ResidueRecord>(stage.host.collect_until_marker());
  REQUIRE(reads.size() == 1);
  CHECK(text_of(reads[0].residue.extents()) == "131072+4096 ");
}

TEST_CASE("a volume that grows keeps what is known of it, and of the rest nothing is", "[DISK-07]") {
  BULKHEAD_NEEDS_PROBES();
  Stage stage;
  stage.give_to("acme", kAcme);
  stage.release();
  stage.use({"zero:0:4194304"});
  stage.book->tend();
  CHECK(stage.only_told().verdict() == v1::WIPE_VERDICT_PROVEN);
  stage.disk().resize(8 * kMiB);
  CHECK(stage.book->tend());
  stage.release();
  stage.give_to("globex", kGlobex);
  const v1::WipeRecord told = stage.only_told();
  CHECK(told.verdict() == v1::WIPE_VERDICT_PARTIAL);
  CHECK(text_of(told.remaining()) == "4194304+4194304 ");
}

}  // namespace
}  // namespace bulkhead::test
