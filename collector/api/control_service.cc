#include "collector/api/control_service.h"

#include <grpcpp/grpcpp.h>

#include <atomic>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "bulkhead/v1/control.grpc.pb.h"
#include "collector/api/control_policy.h"
#include "collector/api/server_run.h"

namespace bulkhead::api {

class ControlService::Implementation final : public v1::Control::Service {
 public:
  Implementation(ControlSources sources, ControlOptions options) : sources_(std::move(sources)), options_(options) {}

  void stop() { stopping_ = true; }

  grpc::Status ChangeAlert(grpc::ServerContext*, const v1::ChangeAlertRequest* request, v1::Alert* response) override {
    return answer(*response, [&] { return sources_.stage.change_alert(*request); });
  }

  grpc::Status CreateSilence(grpc::ServerContext*, const v1::CreateSilenceRequest* request,
                             v1::Silence* response) override {
    return answer(*response, [&] { return sources_.silences.create(request->silence(), absl::Now()); });
  }

  grpc::Status EndSilence(grpc::ServerContext*, const v1::EndSilenceRequest* request, v1::Silence* response) override {
    return answer(*response,
                  [&] { return sources_.silences.end(request->id(), request->by(), request->why(), absl::Now()); });
  }

  grpc::Status ListSilences(grpc::ServerContext* context, const v1::ListSilencesRequest* request,
                            grpc::ServerWriter<v1::Silence>* writer) override {
    return list_all(*context, *writer, [&] { return sources_.silences.list(request->all(), absl::Now()); });
  }

  grpc::Status CreateGrant(grpc::ServerContext*, const v1::CreateGrantRequest* request, v1::Grant* response) override {
    return answer(*response, [&] { return sources_.grants.create(request->grant(), sources_.terms(), absl::Now()); });
  }

  grpc::Status ApproveGrant(grpc::ServerContext*, const v1::ApproveGrantRequest* request,
                            v1::Grant* response) override {
    return answer(*response, [&] { return sources_.grants.approve(request->id(), request->by(), absl::Now()); });
  }

  grpc::Status RevokeGrant(grpc::ServerContext*, const v1::RevokeGrantRequest* request, v1::Grant* response) override {
    return answer(*response,
                  [&] { return sources_.grants.revoke(request->id(), request->by(), request->why(), absl::Now()); });
  }

  grpc::Status ListGrants(grpc::ServerContext* context, const v1::ListGrantsRequest* request,
                          grpc::ServerWriter<v1::GrantSummary>* writer) override {
    return list_all(*context, *writer, [&] { return sources_.grants.list(*request, absl::Now()); });
  }

  grpc::Status GetPolicy(grpc::ServerContext*, const v1::GetPolicyRequest* request, v1::PolicyText* response) override {
    return answer(*response, [&] { return get_policy(*request, sources_.policies); });
  }

  grpc::Status ListPolicies(grpc::ServerContext* context, const v1::ListPoliciesRequest*,
                            grpc::ServerWriter<v1::PolicyText>* writer) override {
    return list<v1::PolicyText>(*context, *writer,
                                [&](QueryRun<v1::PolicyText>& run) { return list_policies(sources_.policies, run); });
  }

  grpc::Status ListSinks(grpc::ServerContext* context, const v1::ListSinksRequest*,
                         grpc::ServerWriter<v1::SinkSummary>* writer) override {
    return list_all(*context, *writer, [&] { return sources_.sinks(); });
  }

  grpc::Status ListDeadLetters(grpc::ServerContext* context, const v1::ListDeadLettersRequest* request,
                               grpc::ServerWriter<v1::DeadLetter>* writer) override {
    return list<v1::DeadLetter>(*context, *writer, [&](QueryRun<v1::DeadLetter>& run) {
      return list_dead_letters(*request, sources_.sinks, sources_.outbox, run);
    });
  }

  grpc::Status ResendDeadLetters(grpc::ServerContext* context, const v1::DeadLettersRequest* request,
                                 v1::DeadLetterChange* response) override {
    return change_letters(*context, *request, v1::DEAD_LETTER_ACTION_RESEND, *response);
  }

  grpc::Status DropDeadLetters(grpc::ServerContext* context, const v1::DeadLettersRequest* request,
                               v1::DeadLetterChange* response) override {
    return change_letters(*context, *request, v1::DEAD_LETTER_ACTION_DROP, *response);
  }

  grpc::Status ListDeadLetterChanges(grpc::ServerContext* context, const v1::ListDeadLetterChangesRequest* request,
                                     grpc::ServerWriter<v1::DeadLetterChange>* writer) override {
    return list<v1::DeadLetterChange>(*context, *writer, [&](QueryRun<v1::DeadLetterChange>& run) {
      return list_dead_letter_changes(*request, sources_.outbox, run);
    });
  }

  grpc::Status Reload(grpc::ServerContext*, const v1::ReloadRequest* request, v1::ReloadResponse* response) override {
    return answer(*response, [&] { return reload(*request, sources_.reload); });
  }

 private:
  // A call with one answer.
  template <typename Response, typename Call>
  grpc::Status answer(Response& response, Call call) {
    const Place place(running_, options_.max_calls);
    if (!place.granted()) return too_many();
    auto made = call();
    if (made.ok()) response = *std::move(made);
    return to_grpc(made.status());
  }

  // A call with a stream of answers.
  template <typename Message, typename Call>
  grpc::Status list(grpc::ServerContext& context, grpc::ServerWriter<Message>& writer, Call call) {
    const Place place(running_, options_.max_calls);
    if (!place.granted()) return too_many();
    ServerRun<Message> run(context, writer, stopping_);
    const absl::Status status = call(run);
    if (status.ok() && stopping_) return to_grpc(absl::UnavailableError("the collector is stopping"));
    return to_grpc(status);
  }

  grpc::Status change_letters(grpc::ServerContext& context, const v1::DeadLettersRequest& request,
                              v1::DeadLetterAction action, v1::DeadLetterChange& response) {
    const auto go_on = [&] { return !stopping_ && !context.IsCancelled(); };
    return answer(response,
                  [&] { return change_dead_letters(request, action, sources_.sinks, sources_.outbox, go_on); });
  }

  // A call with a stream of answers that fit into memory.
  template <typename Message, typename Call>
  grpc::Status list_all(grpc::ServerContext& context, grpc::ServerWriter<Message>& writer, Call call) {
    return list<Message>(context, writer, [&](QueryRun<Message>& run) {
      for (const Message& message : call()) {
        if (!run.send(message)) break;
      }
      return absl::OkStatus();
    });
  }

  grpc::Status too_many() const {
    return to_grpc(
        absl::ResourceExhaustedError(absl::StrCat(options_.max_calls, " calls of Control are running already")));
  }

  const ControlSources sources_;
  const ControlOptions options_;
  std::atomic<std::size_t> running_ = 0;
  std::atomic<bool> stopping_ = false;
};

ControlService::ControlService(ControlSources sources, ControlOptions options)
    : implementation_(std::make_unique<Implementation>(std::move(sources), options)) {}

ControlService::~ControlService() = default;

grpc::Service& ControlService::service() {
  return *implementation_;
}

void ControlService::stop() {
  implementation_->stop();
}

}  // namespace bulkhead::api
