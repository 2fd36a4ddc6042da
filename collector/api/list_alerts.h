#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "bulkhead/v1/query.pb.h"
#include "collector/alerts/stage.h"
#include "collector/api/query_run.h"
#include "collector/directory/directory.h"
#include "collector/store/alert_store.h"

namespace bulkhead::api {

// By first_time. With `follow`, then each alert as it opens or grows.
absl::Status list_alerts(const v1::ListAlertsRequest& request, store::AlertStore& alerts,
                         const directory::Directory& directory,
                         const std::function<std::shared_ptr<alerts::Subscription>()>& subscribe,
                         QueryRun<v1::Alert>& run);

// Fills in open_alerts. An alert counts for the tenant whose object was touched, and for the actor's where that is
// another one.
absl::StatusOr<std::vector<v1::TenantSummary>> with_alerts(std::vector<v1::TenantSummary> tenants,
                                                           store::AlertStore& alerts);

}  // namespace bulkhead::api
