// The calls of v1.Control about what sinks refused.
#pragma once

#include <functional>

#include "absl/status/statusor.h"
#include "bulkhead/v1/control.pb.h"
#include "collector/api/query_run.h"
#include "collector/store/outbox.h"

namespace bulkhead::api {

// Where alerts are sent to, as it is at the call.
using ListSinks = std::function<std::vector<v1::SinkSummary>()>;

// Reads the store in pages: a slow client holds back nobody. kNotFound: no sink of that name.
absl::Status list_dead_letters(const v1::ListDeadLettersRequest& request, const ListSinks& sinks, store::Outbox& outbox,
                               QueryRun<v1::DeadLetter>& run);

// kInvalidArgument: who, why (to drop) or which letters is missing or contradicts itself; and the errors of
// store::Outbox::change_dead_letters().
absl::StatusOr<v1::DeadLetterChange> change_dead_letters(const v1::DeadLettersRequest& request,
                                                         v1::DeadLetterAction action, const ListSinks& sinks,
                                                         store::Outbox& outbox, const std::function<bool()>& go_on);

// Oldest first.
absl::Status list_dead_letter_changes(const v1::ListDeadLetterChangesRequest& request, store::Outbox& outbox,
                                      QueryRun<v1::DeadLetterChange>& run);

}  // namespace bulkhead::api
