// Which events and alerts a query asks for.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "bulkhead/v1/query.pb.h"
#include "collector/directory/directory.h"

namespace bulkhead::api {

// Thread safe. The directory outlives the filter.
class RecordFilter {
 public:
  // kInvalidArgument when a time is not one, or `until` is before `since`.
  static absl::StatusOr<RecordFilter> make(const v1::Filter& filter, const directory::Directory& directory);

  bool takes_host(const std::string& host_id) const;
  bool takes(const v1::Event& event) const;
  // By the time at which it began. Its host is looked at, too.
  bool takes(const v1::Alert& alert) const;
  // Nothing that happens from now on can be within `until`.
  bool is_over(std::int64_t now_ns) const;
  // Nanoseconds since the epoch; 0 without `since`.
  std::int64_t since_ns() const;

 private:
  RecordFilter(const v1::Filter& filter, const directory::Directory& directory)
      : filter_(filter), directory_(directory) {}
  bool takes_time(const google::protobuf::Timestamp& time) const;

  v1::Filter filter_;
  const directory::Directory& directory_;
};

}  // namespace bulkhead::api
