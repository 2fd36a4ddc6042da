#include <rocksdb/write_batch.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "collector/store/database.h"
#include "collector/store/encoding.h"
#include "tests/unit/store/fixture.h"

namespace bulkhead::test {

namespace {

std::string open_error(const std::filesystem::path& path, absl::StatusCode code) {
  const auto store = store::Store::open(path);
  REQUIRE_FALSE(store.ok());
  const std::string message(store.status().message());
  INFO(message);
  CHECK(store.status().code() == code);
  CHECK(message.find(path.string()) != std::string::npos);
  CHECK(message.find('\n') == std::string::npos);
  return message;
}

void damage(const std::filesystem::path& directory, const std::string& extension) {
  bool done = false;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().extension() != extension || entry.file_size() < 100) continue;
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(60);
    file.write("damaged", 7);
    done = true;
  }
  REQUIRE(done);
}

void fill(const std::filesystem::path& path) {
  const auto store = open_store(path);
  for (std::uint64_t i = 1; i <= 20; ++i) {
    const auto batch = make_batch(i, 1);
    REQUIRE(store->log().append(std::span(&batch, 1)).ok());
  }
}

}  // namespace

TEST_CASE("a data directory that another collector uses is refused, and free again when that one ends") {
  const TempDir dir;
  {
    const auto store = open_store(dir.path());
    REQUIRE(open_error(dir.path(), absl::StatusCode::kFailedPrecondition).find("in use") != std::string::npos);
  }
  open_store(dir.path());
}

TEST_CASE("a data directory is created with its parents, for its owner alone") {
  const TempDir dir;
  const auto path = dir.path() / "a" / "b";
  open_store(path);
  REQUIRE((std::filesystem::status(path).permissions() & std::filesystem::perms(077)) == std::filesystem::perms::none);
}

TEST_CASE("a data directory that is a file is refused") {
  const TempDir dir;
  const auto path = dir.path() / "file";
  std::ofstream(path) << "x";
  REQUIRE(open_error(path, absl::StatusCode::kFailedPrecondition).find("not a directory") != std::string::npos);
}

TEST_CASE("a data directory of another user is refused") {
  const TempDir dir;
  const auto path = dir.path() / "other";
  std::filesystem::create_directory(path);
  if (chown(path.c_str(), geteuid() + 1, static_cast<gid_t>(-1)) != 0) {
    SUCCEED("only root can give a directory away");
    return;
  }
  REQUIRE(open_error(path, absl::StatusCode::kFailedPrecondition).find("belongs to uid") != std::string::npos);
}

TEST_CASE("a damaged log file is data loss, never a shorter log") {
  const TempDir dir;
  fill(dir.path());
  damage(dir.path() / "store", ".log");
  open_error(dir.path(), absl::StatusCode::kDataLoss);
}

TEST_CASE("a log whose last write was torn by a crash opens with all before it") {
  const TempDir dir;
  fill(dir.path());
  for (const auto& entry : std::filesystem::directory_iterator(dir.path() / "store")) {
    const bool written = entry.path().extension() == ".log" && entry.file_size() > 5;
    if (written) std::filesystem::resize_file(entry.path(), entry.file_size() - 5);
  }
  REQUIRE(stored_sequences(open_store(dir.path())->log()).size() == 19);
}

TEST_CASE("a store that lost its CURRENT file is not taken for a new one") {
  const TempDir dir;
  fill(dir.path());
  std::filesystem::remove(dir.path() / "store" / "CURRENT");
  open_error(dir.path(), absl::StatusCode::kDataLoss);
}

TEST_CASE("a store of a newer format is refused") {
  const TempDir dir;
  fill(dir.path());
  {
    auto database = store::Database::open(dir.path() / "store");
    REQUIRE(database.ok());
    rocksdb::WriteBatch batch;
    batch.Put((*database)->meta(), "format", store::encode_u64(store::kFormatVersion + 1));
    REQUIRE((*database)->write(batch, true).ok());
  }
  REQUIRE(open_error(dir.path(), absl::StatusCode::kFailedPrecondition).find("has format 3") != std::string::npos);
}

TEST_CASE("a store with a column family that this version does not know is refused as newer") {
  const TempDir dir;
  fill(dir.path());
  {
    auto database = store::Database::open(dir.path() / "store");
    REQUIRE(database.ok());
    rocksdb::ColumnFamilyHandle* added = nullptr;
    REQUIRE((*database)->db().CreateColumnFamily({}, "evidence", &added).ok());
    (*database)->db().DestroyColumnFamilyHandle(added);
  }
  REQUIRE(open_error(dir.path(), absl::StatusCode::kFailedPrecondition).find("newer") != std::string::npos);
}

TEST_CASE("a store whose first making was cut short is made anew") {
  const TempDir dir;
  // What a killed start leaves: the unfinished store, at any stage.
  std::filesystem::create_directories(dir.path() / "store.new");
  std::ofstream(dir.path() / "store.new" / "CURRENT") << "MANIFEST-000001\n";
  const auto store = open_store(dir.path());
  REQUIRE(store->log().statistics().events == 0);
  REQUIRE_FALSE(std::filesystem::exists(dir.path() / "store.new"));
}

}  // namespace bulkhead::test
