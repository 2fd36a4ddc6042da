#pragma once

#include "absl/status/status.h"
#include "bulkhead/v1/query.pb.h"
#include "collector/api/query_run.h"
#include "collector/directory/directory.h"
#include "collector/store/event_log.h"

namespace bulkhead::api {

// In the order of the log. With a limit it first looks backwards for where the newest that many begin.
absl::Status list_events(const v1::ListEventsRequest& request, store::EventLog& log,
                         const directory::Directory& directory, QueryRun<v1::Event>& run);

}  // namespace bulkhead::api
