// What is kept from the sinks for a while: by whom, why, and until when.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "bulkhead/v1/alert.pb.h"
#include "collector/store/table.h"

namespace bulkhead::alerts {

// Thread safe. Silences that are over stay on record.
class Silences {
 public:
  // `table` outlives this. kDataLoss for a record that cannot be read.
  static absl::StatusOr<std::unique_ptr<Silences>> open(store::Table& table);

  // Gives it an id. kInvalidArgument: it names nothing to match, ends before `now` or more than a year from it, or
  // lacks who and why.
  absl::StatusOr<v1::Silence> create(v1::Silence silence, absl::Time now);
  // Ends it now. kNotFound; kFailedPrecondition when it is over.
  absl::StatusOr<v1::Silence> end(const std::string& id, const std::string& by, const std::string& why, absl::Time now);

  // In the order in which they were made; without `all`, those that are in force.
  std::vector<v1::Silence> list(bool all, absl::Time now) const;

  // The id of the first silence in force that matches; empty for none.
  std::string match(const v1::Alert& alert, absl::Time now) const;
  bool in_force(const std::string& id, absl::Time now) const;

  // Whether one has come to its end since the last call; true at the first, for those that ended before this start.
  bool take_ended(absl::Time now);
  // What the last take_ended() said could not be dealt with.
  void put_back_ended();

 private:
  explicit Silences(store::Table& table) : table_(table) {}

  store::Table& table_;
  mutable std::mutex mutex_;
  // Guarded by mutex_: by time of creation and id.
  std::map<std::pair<absl::Time, std::string>, v1::Silence> silences_;
  // Guarded by mutex_.
  absl::Time ends_seen_through_ = absl::InfinitePast();
};

}  // namespace bulkhead::alerts
