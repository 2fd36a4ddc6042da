#include "collector/store/rocksdb_alert_store.h"

#include <rocksdb/write_batch.h>

#include <map>

#include "absl/strings/str_cat.h"
#include "collector/store/encoding.h"

namespace bulkhead::store {

namespace {

constexpr std::string_view kJudgedKey = "judged";
constexpr std::int64_t kNanosPerSecond = 1'000'000'000;

// Order of the keys is order of first_time, then of uid. A protobuf timestamp's seconds may be negative.
std::string time_prefix(const v1::Alert& alert) {
  std::string key;
  append_u64(key, static_cast<std::uint64_t>(alert.first_time().seconds()) ^ (std::uint64_t{1} << 63));
  append_u64(key, static_cast<std::uint64_t>(alert.first_time().nanos()) % kNanosPerSecond);
  return key;
}

bool is_live(const v1::Alert& alert) {
  return alert.state() == v1::ALERT_STATE_OPEN || alert.state() == v1::ALERT_STATE_ACKNOWLEDGED;
}

}  // namespace

absl::StatusOr<std::optional<v1::Alert>> read_alert(Database& database, const std::string& uid) {
  const auto time = database.get(database.alert_times(), uid);
  if (!time.ok()) return time.status();
  if (!time->has_value()) return std::nullopt;
  const auto stored = database.get(database.alerts(), **time + uid);
  if (!stored.ok()) return stored.status();
  v1::Alert alert;
  if (!stored->has_value() || !alert.ParseFromString(**stored)) {
    return absl::DataLossError(absl::StrCat("alert ", uid, " in ", database.path().string(), " cannot be read"));
  }
  return alert;
}

absl::StatusOr<std::unique_ptr<RocksDbAlertStore>> RocksDbAlertStore::open(Database& database, RocksDbOutbox& outbox) {
  std::unique_ptr<RocksDbAlertStore> alerts(new RocksDbAlertStore(database, outbox));
  if (auto status = alerts->load(); !status.ok()) return status;
  return alerts;
}

absl::Status RocksDbAlertStore::load() {
  auto judged = database_.get(database_.meta(), kJudgedKey);
  if (!judged.ok()) return judged.status();
  judged_through_ = Position(judged->value_or(std::string()));
  return for_each([this](const v1::Alert& alert) {
    ++count_;
    if (is_live(alert)) live_[alert.uid()] = alert.state();
    return true;
  });
}

absl::Status RocksDbAlertStore::commit(std::span<const v1::Alert> changed, const Position& judged_through,
                                       std::span<const Notice> notices) {
  const std::lock_guard lock(mutex_);
  rocksdb::WriteBatch batch;
  std::map<std::string, std::string> times;  // of this commit: one alert may come twice in it
  std::uint64_t added = 0;
  for (const auto& alert : changed) {
    if (alert.uid().empty()) return absl::InvalidArgumentError("alert without uid");
    std::string time = time_prefix(alert);
    if (const auto seen = times.find(alert.uid()); seen != times.end()) {
      batch.Delete(database_.alerts(), seen->second + alert.uid());
    } else {
      auto old = database_.get(database_.alert_times(), alert.uid());
      if (!old.ok()) return old.status();
      if (old->has_value()) {
        batch.Delete(database_.alerts(), **old + alert.uid());
      } else {
        ++added;
      }
    }
    batch.Put(database_.alerts(), time + alert.uid(), alert.SerializeAsString());
    batch.Put(database_.alert_times(), alert.uid(), time);
    times[alert.uid()] = std::move(time);
  }
  batch.Put(database_.meta(), slice(kJudgedKey), judged_through.bytes());
  RocksDbOutbox::Draft queued(outbox_);
  for (const Notice& notice : notices) {
    if (auto status = queued.add(notice, batch); !status.ok()) return status;
  }
  queued.put_totals(batch);
  // A position alone may be lost in a power cut: judging the same events again finds nothing again.
  const bool durable = !changed.empty() || !notices.empty();
  if (auto status = database_.write(batch, durable); !status.ok()) return status;
  queued.written();
  judged_through_ = judged_through;
  count_ += added;
  for (const v1::Alert& alert : changed) {
    if (is_live(alert)) {
      live_[alert.uid()] = alert.state();
    } else {
      live_.erase(alert.uid());
    }
  }
  return absl::OkStatus();
}

AlertStates RocksDbAlertStore::count_states() {
  const std::lock_guard lock(mutex_);
  AlertStates states;
  for (const auto& [uid, state] : live_) ++(state == v1::ALERT_STATE_OPEN ? states.open : states.acknowledged);
  return states;
}

Position RocksDbAlertStore::judged_through() {
  const std::lock_guard lock(mutex_);
  return judged_through_;
}

absl::StatusOr<std::optional<v1::Alert>> RocksDbAlertStore::find(const std::string& uid) {
  const std::lock_guard lock(mutex_);
  return read_alert(database_, uid);
}

absl::Status RocksDbAlertStore::for_each(const std::function<bool(const v1::Alert&)>& visit) {
  const std::unique_ptr<rocksdb::Iterator> at(database_.db().NewIterator(rocksdb::ReadOptions(), database_.alerts()));
  v1::Alert alert;
  for (at->SeekToFirst(); at->Valid(); at->Next()) {
    if (!alert.ParseFromArray(at->value().data(), static_cast<int>(at->value().size()))) {
      return absl::DataLossError(absl::StrCat("an alert in ", database_.path().string(), " cannot be read"));
    }
    if (!visit(alert)) return absl::OkStatus();
  }
  return at->status().ok() ? absl::OkStatus() : database_.error(at->status(), "read");
}

}  // namespace bulkhead::store
