// v1.Control: what people do to the collector. Each area of calls is a file of its own (control_policy.h, …); this one
// takes them from gRPC, one thread a call.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "bulkhead/v1/control.pb.h"
#include "collector/alerts/silences.h"
#include "collector/alerts/stage.h"
#include "collector/api/control_sinks.h"
#include "collector/grants/grant_book.h"
#include "collector/policy/history.h"

namespace grpc {
class Service;
}

namespace bulkhead::api {

// All of it outlives the service.
struct ControlSources {
  alerts::DetectionStage& stage;
  alerts::Silences& silences;
  grants::GrantBook& grants;
  // The provider's rules for grants, as they are now.
  std::function<grants::Terms()> terms;
  const policy::PolicyHistory& policies;
  ListSinks sinks;
  store::Outbox& outbox;
  // Reads rules and policy again, all or nothing. Called on any thread.
  std::function<absl::StatusOr<v1::ReloadResponse>(const std::string& by)> reload;
};

struct ControlOptions {
  // At once; a further one is refused with RESOURCE_EXHAUSTED.
  std::size_t max_calls = 16;
};

// Thread safe.
class ControlService {
 public:
  explicit ControlService(ControlSources sources, ControlOptions options = {});
  // The server that the service is registered with has stopped.
  ~ControlService();

  grpc::Service& service();
  // Ends the listings that are under way.
  void stop();

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace bulkhead::api
