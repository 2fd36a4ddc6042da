#include "collector/api/control_service.h"

#include <grpcpp/grpcpp.h>
#include <spdlog/spdlog.h>

#include "absl/time/clock.h"
#include "bulkhead/v1/control.grpc.pb.h"
#include "collector/alerts/life_cycle.h"

namespace bulkhead::api {
namespace {

grpc::Status to_grpc(const absl::Status& status) {
  return {static_cast<grpc::StatusCode>(status.code()), std::string(status.message())};
}

template <typename Message>
grpc::Status answer(absl::StatusOr<Message> result, Message* response) {
  if (!result.ok()) return to_grpc(result.status());
  *response = *std::move(result);
  return grpc::Status::OK;
}

template <typename Message>
grpc::Status send_all(const std::vector<Message>& messages, grpc::ServerWriter<Message>& writer) {
  for (const Message& message : messages) {
    if (!writer.Write(message)) break;
  }
  return grpc::Status::OK;
}

}  // namespace

class ControlService::Implementation final : public v1::Control::Service {
 public:
  explicit Implementation(ControlSources sources) : sources_(std::move(sources)) {}

  grpc::Status ChangeAlert(grpc::ServerContext*, const v1::ChangeAlertRequest* request, v1::Alert* response) override {
    return answer(sources_.stage.change_alert(*request), response);
  }

  grpc::Status CreateSilence(grpc::ServerContext*, const v1::CreateSilenceRequest* request,
                             v1::Silence* response) override {
    return answer(sources_.silences.create(request->silence(), absl::Now()), response);
  }

  grpc::Status EndSilence(grpc::ServerContext*, const v1::EndSilenceRequest* request, v1::Silence* response) override {
    return answer(sources_.silences.end(request->id(), request->by(), request->why(), absl::Now()), response);
  }

  grpc::Status ListSilences(grpc::ServerContext*, const v1::ListSilencesRequest* request,
                            grpc::ServerWriter<v1::Silence>* writer) override {
    return send_all(sources_.silences.list(request->all(), absl::Now()), *writer);
  }

  grpc::Status CreateGrant(grpc::ServerContext*, const v1::CreateGrantRequest* request, v1::Grant* response) override {
    return answer(sources_.grants.create(request->grant(), sources_.terms(), absl::Now()), response);
  }

  grpc::Status ApproveGrant(grpc::ServerContext*, const v1::ApproveGrantRequest* request,
                            v1::Grant* response) override {
    return answer(sources_.grants.approve(request->id(), request->by(), absl::Now()), response);
  }

  grpc::Status RevokeGrant(grpc::ServerContext*, const v1::RevokeGrantRequest* request, v1::Grant* response) override {
    return answer(sources_.grants.revoke(request->id(), request->by(), request->why(), absl::Now()), response);
  }

  grpc::Status ListGrants(grpc::ServerContext*, const v1::ListGrantsRequest* request,
                          grpc::ServerWriter<v1::GrantSummary>* writer) override {
    return send_all(sources_.grants.list(*request, absl::Now()), *writer);
  }

  grpc::Status Reload(grpc::ServerContext*, const v1::ReloadRequest* request, v1::ReloadResponse* response) override {
    if (auto status = alerts::check_by(request->by()); !status.ok()) return to_grpc(status);
    spdlog::info("{} asks to read rules and policy again", request->by());
    return answer(sources_.reload(), response);
  }

 private:
  const ControlSources sources_;
};

ControlService::ControlService(ControlSources sources)
    : implementation_(std::make_unique<Implementation>(std::move(sources))) {}

ControlService::~ControlService() = default;

grpc::Service& ControlService::service() {
  return *implementation_;
}

}  // namespace bulkhead::api
