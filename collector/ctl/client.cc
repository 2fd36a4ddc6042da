#include "collector/ctl/client.h"

#include <grpcpp/grpcpp.h>

#include <chrono>

#include "absl/strings/str_cat.h"
#include "bulkhead/v1/control.grpc.pb.h"
#include "bulkhead/v1/query.grpc.pb.h"
#include "proto/batch/limits.h"

namespace bulkhead::ctl {

namespace {
constexpr int kConnectMilliseconds = 5'000;
constexpr std::chrono::seconds kCallDeadline{15};
// Thousands of alerts are written anew.
constexpr std::chrono::seconds kLettersDeadline{600};
}  // namespace

class Client::Implementation {
 public:
  explicit Implementation(const net::Endpoint& collector) : address_(collector.text()) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kConnectMilliseconds);
    // A collector whose machine dies in the middle of --follow is noticed.
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 20'000);
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
    // A proxy from the environment has no business between an operator and a collector.
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    // A policy with its text is larger than gRPC's own limit.
    arguments.SetMaxReceiveMessageSize(static_cast<int>(limits::kMessageBytes));
    const auto channel = grpc::CreateCustomChannel(address_, grpc::InsecureChannelCredentials(), arguments);
    stub_ = v1::Query::NewStub(channel);
    control_ = v1::Control::NewStub(channel);
  }

  v1::Query::Stub& stub() { return *stub_; }
  v1::Control::Stub& control() { return *control_; }

  template <typename Request, typename Response>
  absl::StatusOr<Response> call(grpc::Status (v1::Control::Stub::*method)(grpc::ClientContext*, const Request&,
                                                                          Response*),
                                const Request& request, std::chrono::seconds deadline = kCallDeadline) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + deadline);
    Response response;
    if (auto status = to_absl((*control_.*method)(&context, request, &response)); !status.ok()) return status;
    return response;
  }

  template <typename Message>
  absl::Status read(grpc::ClientContext& context, grpc::ClientReader<Message>& reader,
                    const std::function<bool(const Message&)>& visit) {
    Message message;
    while (reader.Read(&message)) {
      if (visit(message)) continue;
      context.TryCancel();
      reader.Finish();
      return absl::OkStatus();
    }
    return to_absl(reader.Finish());
  }

  absl::Status to_absl(const grpc::Status& status) const {
    if (status.ok()) return absl::OkStatus();
    const bool unreachable = status.error_code() == grpc::StatusCode::UNAVAILABLE;
    return {static_cast<absl::StatusCode>(status.error_code()),
            absl::StrCat(unreachable ? "cannot reach the collector at " : "the collector at ", address_, ": ",
                         status.error_message())};
  }

 private:
  const std::string address_;
  std::unique_ptr<v1::Query::Stub> stub_;
  std::unique_ptr<v1::Control::Stub> control_;
};

Client::Client(const net::Endpoint& collector) : implementation_(std::make_unique<Implementation>(collector)) {}

Client::~Client() = default;

absl::Status Client::hosts(const v1::ListHostsRequest& request, const std::function<bool(const v1::Host&)>& visit) {
  grpc::ClientContext context;
  const auto reader = implementation_->stub().ListHosts(&context, request);
  return implementation_->read(context, *reader, visit);
}

absl::Status Client::tenants(const v1::ListTenantsRequest& request,
                             const std::function<bool(const v1::TenantSummary&)>& visit) {
  grpc::ClientContext context;
  const auto reader = implementation_->stub().ListTenants(&context, request);
  return implementation_->read(context, *reader, visit);
}

absl::Status Client::events(const v1::ListEventsRequest& request, const std::function<bool(const v1::Event&)>& visit) {
  grpc::ClientContext context;
  const auto reader = implementation_->stub().ListEvents(&context, request);
  return implementation_->read(context, *reader, visit);
}

absl::Status Client::alerts(const v1::ListAlertsRequest& request, const std::function<bool(const v1::Alert&)>& visit) {
  grpc::ClientContext context;
  const auto reader = implementation_->stub().ListAlerts(&context, request);
  return implementation_->read(context, *reader, visit);
}

absl::Status Client::status(v1::Status& status) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kCallDeadline);
  return implementation_->to_absl(implementation_->stub().GetStatus(&context, v1::GetStatusRequest(), &status));
}

absl::Status Client::policy(const v1::GetPolicyRequest& request, v1::PolicyText& policy) {
  auto response = implementation_->call(&v1::Control::Stub::GetPolicy, request);
  if (response.ok()) policy = *std::move(response);
  return response.status();
}

absl::Status Client::policies(const v1::ListPoliciesRequest& request,
                              const std::function<bool(const v1::PolicyText&)>& visit) {
  grpc::ClientContext context;
  const auto reader = implementation_->control().ListPolicies(&context, request);
  return implementation_->read(context, *reader, visit);
}

absl::StatusOr<v1::Alert> Client::change_alert(const v1::ChangeAlertRequest& request) {
  return implementation_->call(&v1::Control::Stub::ChangeAlert, request);
}

absl::Status Client::silences(const v1::ListSilencesRequest& request,
                              const std::function<bool(const v1::Silence&)>& visit) {
  grpc::ClientContext context;
  const auto reader = implementation_->control().ListSilences(&context, request);
  return implementation_->read(context, *reader, visit);
}

absl::StatusOr<v1::Silence> Client::create_silence(const v1::CreateSilenceRequest& request) {
  return implementation_->call(&v1::Control::Stub::CreateSilence, request);
}

absl::StatusOr<v1::Silence> Client::end_silence(const v1::EndSilenceRequest& request) {
  return implementation_->call(&v1::Control::Stub::EndSilence, request);
}

absl::Status Client::grants(const v1::ListGrantsRequest& request,
                            const std::function<bool(const v1::GrantSummary&)>& visit) {
  grpc::ClientContext context;
  const auto reader = implementation_->control().ListGrants(&context, request);
  return implementation_->read(context, *reader, visit);
}

absl::StatusOr<v1::Grant> Client::create_grant(const v1::CreateGrantRequest& request) {
  return implementation_->call(&v1::Control::Stub::CreateGrant, request);
}

absl::StatusOr<v1::Grant> Client::approve_grant(const v1::ApproveGrantRequest& request) {
  return implementation_->call(&v1::Control::Stub::ApproveGrant, request);
}

absl::StatusOr<v1::Grant> Client::revoke_grant(const v1::RevokeGrantRequest& request) {
  return implementation_->call(&v1::Control::Stub::RevokeGrant, request);
}

absl::Status Client::sinks(const std::function<bool(const v1::SinkSummary&)>& visit) {
  grpc::ClientContext context;
  const auto reader = implementation_->control().ListSinks(&context, v1::ListSinksRequest());
  return implementation_->read(context, *reader, visit);
}

absl::Status Client::dead_letters(const v1::ListDeadLettersRequest& request,
                                  const std::function<bool(const v1::DeadLetter&)>& visit) {
  grpc::ClientContext context;
  const auto reader = implementation_->control().ListDeadLetters(&context, request);
  return implementation_->read(context, *reader, visit);
}

absl::StatusOr<v1::DeadLetterChange> Client::resend_dead_letters(const v1::DeadLettersRequest& request) {
  return implementation_->call(&v1::Control::Stub::ResendDeadLetters, request, kLettersDeadline);
}

absl::StatusOr<v1::DeadLetterChange> Client::drop_dead_letters(const v1::DeadLettersRequest& request) {
  return implementation_->call(&v1::Control::Stub::DropDeadLetters, request, kLettersDeadline);
}

absl::Status Client::dead_letter_changes(const v1::ListDeadLetterChangesRequest& request,
                                         const std::function<bool(const v1::DeadLetterChange&)>& visit) {
  grpc::ClientContext context;
  const auto reader = implementation_->control().ListDeadLetterChanges(&context, request);
  return implementation_->read(context, *reader, visit);
}

absl::StatusOr<v1::ReloadResponse> Client::reload(const v1::ReloadRequest& request) {
  return implementation_->call(&v1::Control::Stub::Reload, request);
}

}  // namespace bulkhead::ctl
