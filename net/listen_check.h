#pragma once

#include "absl/status/status.h"
#include "net/endpoint.h"

namespace bulkhead::net {

// Tries to listen there and says in the system's words why that fails: kAlreadyExists, kPermissionDenied or
// kInvalidArgument. Nothing stays open, and a unix socket of somebody who listens stays his.
absl::Status check_listen(const Endpoint& listen);

}  // namespace bulkhead::net
