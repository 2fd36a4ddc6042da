// The collector, as commands ask it.
#pragma once

#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "bulkhead/v1/control.pb.h"
#include "bulkhead/v1/query.pb.h"
#include "net/endpoint.h"

namespace bulkhead::ctl {

// Not thread safe. `visit` returns false to end a listing. Errors carry the address; kUnavailable: cannot be reached.
class Client {
 public:
  explicit Client(const net::Endpoint& collector);
  ~Client();

  absl::Status hosts(const v1::ListHostsRequest& request, const std::function<bool(const v1::Host&)>& visit);
  absl::Status tenants(const v1::ListTenantsRequest& request,
                       const std::function<bool(const v1::TenantSummary&)>& visit);
  absl::Status events(const v1::ListEventsRequest& request, const std::function<bool(const v1::Event&)>& visit);
  absl::Status alerts(const v1::ListAlertsRequest& request, const std::function<bool(const v1::Alert&)>& visit);
  absl::Status status(v1::Status& status);

  absl::Status policy(const v1::GetPolicyRequest& request, v1::PolicyText& policy);
  absl::Status policies(const v1::ListPoliciesRequest& request,
                        const std::function<bool(const v1::PolicyText&)>& visit);
  absl::StatusOr<v1::Alert> change_alert(const v1::ChangeAlertRequest& request);
  absl::Status silences(const v1::ListSilencesRequest& request, const std::function<bool(const v1::Silence&)>& visit);
  absl::StatusOr<v1::Silence> create_silence(const v1::CreateSilenceRequest& request);
  absl::StatusOr<v1::Silence> end_silence(const v1::EndSilenceRequest& request);
  absl::Status grants(const v1::ListGrantsRequest& request, const std::function<bool(const v1::GrantSummary&)>& visit);
  absl::StatusOr<v1::Grant> create_grant(const v1::CreateGrantRequest& request);
  absl::StatusOr<v1::Grant> approve_grant(const v1::ApproveGrantRequest& request);
  absl::StatusOr<v1::Grant> revoke_grant(const v1::RevokeGrantRequest& request);
  absl::Status sinks(const std::function<bool(const v1::SinkSummary&)>& visit);
  absl::Status dead_letters(const v1::ListDeadLettersRequest& request,
                            const std::function<bool(const v1::DeadLetter&)>& visit);
  // These two take as long as the letters are many.
  absl::StatusOr<v1::DeadLetterChange> resend_dead_letters(const v1::DeadLettersRequest& request);
  absl::StatusOr<v1::DeadLetterChange> drop_dead_letters(const v1::DeadLettersRequest& request);
  absl::Status dead_letter_changes(const v1::ListDeadLetterChangesRequest& request,
                                   const std::function<bool(const v1::DeadLetterChange&)>& visit);
  absl::StatusOr<v1::ReloadResponse> reload(const v1::ReloadRequest& request);

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace bulkhead::ctl
