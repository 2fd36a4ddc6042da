// Certificates of the sinks' connections. Private to this folder.
#pragma once

#include "absl/status/statusor.h"
#include "collector/sinks/peer.h"
#include "collector/sinks/settings.h"

namespace bulkhead::sinks {

// TLS 1.2 or later. kInvalidArgument names the file that cannot be used.
absl::StatusOr<TlsContext> make_tls_context(const TlsSettings& settings);

}  // namespace bulkhead::sinks
