// A store as earlier versions left it opens with all that is in it.
#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <catch2/catch.hpp>

#include "collector/store/encoding.h"
#include "tests/unit/store/fixture.h"

namespace bulkhead::test {

namespace {

// What version 0.1.0 wrote: format 1, six column families.
void write_format_1(const std::filesystem::path& data_dir, const std::string& without = "") {
  std::filesystem::create_directories(data_dir);
  std::filesystem::permissions(data_dir, std::filesystem::perms::owner_all);
  rocksdb::Options options;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (const char* name : {"default", "events", "cursors", "alerts", "alert_times", "table"}) {
    if (name != without) families.emplace_back(name, rocksdb::ColumnFamilyOptions());
  }
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  REQUIRE(rocksdb::DB::Open(options, (data_dir / "store").string(), families, &handles, &db).ok());
  rocksdb::WriteBatch batch;
  batch.Put(handles[0], "format", store::encode_u64(1));
  batch.Put(handles[0], "judged", "p");
  if (without.empty()) {
    // First time: seconds with the sign bit flipped, nanoseconds; then the uid.
    const v1::Alert alert = make_alert("a", 0);
    std::string time;
    store::append_u64(time, static_cast<std::uint64_t>(kBaseSeconds) ^ (std::uint64_t{1} << 63));
    store::append_u64(time, 0);
    batch.Put(handles[3], time + "a", alert.SerializeAsString());
    batch.Put(handles[4], "a", time);
    batch.Put(handles[5], "collector_id", "c-1");
  }
  REQUIRE(db->Write(rocksdb::WriteOptions(), &batch).ok());
  for (auto* handle : handles) db->DestroyColumnFamilyHandle(handle);
  delete db;
}

}  // namespace

TEST_CASE("a store of format 1 is upgraded when it is opened, and keeps what it has") {
  const TempDir dir;
  write_format_1(dir.path());
  {
    const auto store = open_store(dir.path());
    REQUIRE(store->alerts().count() == 1);
    REQUIRE(store->alerts().judged_through().bytes() == "p");
    REQUIRE(*store->table().get("collector_id") == "c-1");
    REQUIRE(store->outbox().states().empty());
    const store::Notice notice{make_alert("b", 1), store::Activity::kCreate, {"siem"}};
    REQUIRE(store->alerts().commit(std::span(&notice.alert, 1), store::Position("q"), std::span(&notice, 1)).ok());
  }
  const auto store = open_store(dir.path());
  REQUIRE(store->alerts().count() == 2);
  REQUIRE(store->outbox().take("siem", 10)->size() == 1);
}

TEST_CASE("a store that lost one of its column families is damaged, not older") {
  const TempDir dir;
  write_format_1(dir.path(), "events");
  const auto store = store::Store::open(dir.path());
  REQUIRE(absl::IsDataLoss(store.status()));
}

TEST_CASE("a store of format 2 without an outbox is damaged") {
  const TempDir dir;
  open_store(dir.path());
  {
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    std::vector<std::string> names;
    const std::string path = (dir.path() / "store").string();
    REQUIRE(rocksdb::DB::ListColumnFamilies({}, path, &names).ok());
    for (const auto& name : names) families.emplace_back(name, rocksdb::ColumnFamilyOptions());
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* db = nullptr;
    REQUIRE(rocksdb::DB::Open({}, path, families, &handles, &db).ok());
    for (auto* handle : handles) {
      if (handle->GetName() == "outbox") REQUIRE(db->DropColumnFamily(handle).ok());
      db->DestroyColumnFamilyHandle(handle);
    }
    delete db;
  }
  REQUIRE(absl::IsDataLoss(store::Store::open(dir.path()).status()));
}

}  // namespace bulkhead::test
