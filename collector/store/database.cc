#include "collector/store/database.h"

#include <rocksdb/options.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <array>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "collector/store/data_dir.h"
#include "collector/store/encoding.h"

namespace bulkhead::store {

namespace {

struct Family {
  std::string_view name;
  // Format version that has it first.
  std::uint64_t since;
};
constexpr std::array kFamilies = {
    Family{"default", 1},     Family{"events", 1},       Family{"cursors", 1}, Family{"alerts", 1},
    Family{"alert_times", 1}, Family{"table", 1},        Family{"sinks", 2},   Family{"outbox", 2},
    Family{"outbox_uids", 2}, Family{"dead_letters", 2},
};
constexpr std::string_view kFormatKey = "format";

rocksdb::DBOptions database_options(bool create) {
  rocksdb::DBOptions options;
  options.create_if_missing = create;
  options.create_missing_column_families = create;
  options.paranoid_checks = true;
  // The default stops replay at the first damaged record and goes on without what follows it: acknowledged events would
  // vanish silently. A record torn by a power cut at the very end was never acknowledged.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.max_total_wal_size = 256u << 20;
  options.max_open_files = 512;
  options.keep_log_file_num = 4;
  options.max_log_file_size = 4u << 20;
  options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  return options;
}

rocksdb::ColumnFamilyOptions family_options(std::string_view name) {
  rocksdb::ColumnFamilyOptions options;
  options.compression = rocksdb::kLZ4Compression;
  options.bottommost_compression = rocksdb::kZSTD;
  options.write_buffer_size = name == "events" ? 64u << 20 : 8u << 20;
  return options;
}

bool absent_or_empty(const std::filesystem::path& path) {
  std::error_code error;
  const bool there = std::filesystem::exists(path, error);
  return !there || std::filesystem::is_empty(path, error);
}

absl::Status check_families(const std::filesystem::path& path, const std::vector<std::string>& found) {
  for (const auto& name : found) {
    if (std::ranges::find(kFamilies, name, &Family::name) != kFamilies.end()) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("store ", path.string(), " was written by a newer collector (it has '", name,
                     "', which this version does not know); run that version, or choose another --data-dir"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Database>> Database::open(const std::filesystem::path& path) {
  std::unique_ptr<Database> database(new Database(path));
  if (const auto status = database->open_families(); !status.ok()) return status;
  if (const auto status = database->check_format(); !status.ok()) return status;
  return database;
}

// Beside its place, and then moved there whole: a start that ends in the middle must not leave half a store, which the
// next one would take for a damaged one.
absl::Status Database::make() {
  const std::filesystem::path unfinished = path_.string() + ".new";
  std::error_code failed;
  std::filesystem::remove_all(unfinished, failed);
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (const Family& family : kFamilies) {
    families.emplace_back(std::string(family.name), family_options(family.name));
  }
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* opened = nullptr;
  auto status = rocksdb::DB::Open(database_options(true), unfinished.string(), families, &handles, &opened);
  if (!status.ok()) return error(status, "open");
  const std::unique_ptr<rocksdb::DB> made(opened);
  for (auto* handle : handles) made->DestroyColumnFamilyHandle(handle);
  status = made->Close();
  if (!status.ok()) return error(status, "open");
  std::filesystem::remove(path_, failed);
  std::filesystem::rename(unfinished, path_, failed);
  if (failed) {
    return absl::UnavailableError(
        absl::StrCat("cannot move ", unfinished.string(), " to ", path_.string(), ": ", failed.message()));
  }
  return sync_directory(path_.parent_path());
}

absl::Status Database::open_families() {
  // A directory that lost its CURRENT file must not be taken for a new one.
  if (absent_or_empty(path_)) {
    if (auto status = make(); !status.ok()) return status;
  }
  const auto options = database_options(false);
  std::vector<std::string> found;
  const auto listed = rocksdb::DB::ListColumnFamilies(options, path_.string(), &found);
  if (!listed.ok()) return error(listed, "open");
  if (const auto status = check_families(path_, found); !status.ok()) return status;
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (const Family& family : kFamilies) {
    // What later formats added may be missing; a store without one of the first is damaged, and RocksDB says so.
    const bool there = family.since == 1 || std::ranges::find(found, family.name) != found.end();
    if (there) families.emplace_back(std::string(family.name), family_options(family.name));
  }
  rocksdb::DB* opened = nullptr;
  const auto status = rocksdb::DB::Open(options, path_.string(), families, &handles_, &opened);
  if (!status.ok()) return error(status, "open");
  db_.reset(opened);
  name_handles();
  return absl::OkStatus();
}

void Database::name_handles() {
  const std::map<std::string_view, rocksdb::ColumnFamilyHandle**> names = {{"default", &meta_},
                                                                           {"events", &events_},
                                                                           {"cursors", &cursors_},
                                                                           {"alerts", &alerts_},
                                                                           {"alert_times", &alert_times_},
                                                                           {"table", &table_},
                                                                           {"sinks", &sinks_},
                                                                           {"outbox", &outbox_},
                                                                           {"outbox_uids", &outbox_uids_},
                                                                           {"dead_letters", &dead_letters_}};
  for (auto* handle : handles_) {
    if (const auto named = names.find(handle->GetName()); named != names.end()) *named->second = handle;
  }
}

absl::StatusOr<std::optional<std::uint64_t>> Database::stored_format() {
  auto stored = get(meta_, kFormatKey);
  if (!stored.ok()) return stored.status();
  if (!stored->has_value()) return std::nullopt;
  std::string_view bytes = **stored;
  const auto version = take_u64(bytes);
  if (!version || !bytes.empty() || *version == 0) {
    return absl::DataLossError(absl::StrCat("store ", path_.string(), " has an unreadable format version"));
  }
  return version;
}

absl::Status Database::check_format() {
  const auto version = stored_format();
  if (!version.ok()) return version.status();
  // The first start may have ended between creating the database and writing the version.
  const std::uint64_t format = version->value_or(0);
  if (format < kFormatVersion) return upgrade(format);
  if (format > kFormatVersion) {
    return absl::FailedPreconditionError(absl::StrCat("store ", path_.string(), " has format ", format,
                                                      ", this collector knows ", kFormatVersion,
                                                      "; run the version that wrote it, or choose another --data-dir"));
  }
  if (handles_.size() == kFamilies.size()) return absl::OkStatus();
  return error(rocksdb::Status::Corruption("a column family is missing"), "open");
}

absl::Status Database::upgrade(std::uint64_t from) {
  for (const Family& family : kFamilies) {
    if (family.since <= from) continue;
    const auto same = [&](const auto* handle) { return handle->GetName() == family.name; };
    // There already when an earlier upgrade was cut short.
    if (std::ranges::any_of(handles_, same)) continue;
    rocksdb::ColumnFamilyHandle* handle = nullptr;
    const auto status = db_->CreateColumnFamily(family_options(family.name), std::string(family.name), &handle);
    if (!status.ok()) return error(status, "write");
    handles_.push_back(handle);
  }
  name_handles();
  rocksdb::WriteBatch batch;
  batch.Put(meta_, slice(kFormatKey), encode_u64(kFormatVersion));
  return write(batch, true);
}

Database::~Database() {
  if (db_ == nullptr) return;
  for (auto* handle : handles_) db_->DestroyColumnFamilyHandle(handle);
  db_->Close();
}

absl::StatusOr<std::optional<std::string>> Database::get(rocksdb::ColumnFamilyHandle* family, std::string_view key) {
  std::string value;
  const auto status = db_->Get(rocksdb::ReadOptions(), family, slice(key), &value);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return error(status, "read");
  return value;
}

absl::Status Database::write(rocksdb::WriteBatch& batch, bool durable) {
  rocksdb::WriteOptions options;
  options.sync = durable;
  auto status = db_->Write(options, &batch);
  if (!status.ok() && db_->Resume().ok()) status = db_->Write(options, &batch);
  if (!status.ok()) return error(status, "write");
  return absl::OkStatus();
}

absl::Status Database::error(const rocksdb::Status& status, const std::string& doing) const {
  const std::string cause = absl::StrReplaceAll(status.ToString(), {{"\n", " "}});
  const std::string text = absl::StrCat("cannot ", doing, " store ", path_.string(), ": ", cause);
  if (status.IsCorruption() || (doing == "open" && (status.IsInvalidArgument() || status.IsPathNotFound()))) {
    return absl::DataLossError(absl::StrCat(text,
                                            "; put back a copy, or move the directory aside to begin an empty store: "
                                            "agents send again what they still hold"));
  }
  if (status.IsNoSpace()) return absl::ResourceExhaustedError(absl::StrCat(text, "; make room on that file system"));
  // Nothing is written any more: what the kernel could not write it may have dropped, so that a later sync that
  // succeeds would prove nothing.
  if (status.severity() >= rocksdb::Status::Severity::kFatalError) {
    return absl::UnavailableError(absl::StrCat(text, "; start the collector again once its disk is well"));
  }
  return absl::UnavailableError(text);
}

}  // namespace bulkhead::store
