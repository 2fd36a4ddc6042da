// v1.Control: what people do to alerts, silences and grants.
#pragma once

#include <functional>
#include <memory>

#include "bulkhead/v1/control.pb.h"
#include "collector/alerts/silences.h"
#include "collector/alerts/stage.h"
#include "collector/grants/grant_book.h"

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
  // Reads rules and policy again; what is wrong is refused as a whole.
  std::function<absl::StatusOr<v1::ReloadResponse>()> reload;
};

// Thread safe.
class ControlService {
 public:
  explicit ControlService(ControlSources sources);
  // The server that the service is registered with has stopped.
  ~ControlService();

  grpc::Service& service();

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace bulkhead::api
