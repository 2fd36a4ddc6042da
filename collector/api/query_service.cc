#include "collector/api/query_service.h"

#include <grpcpp/grpcpp.h>

#include <atomic>

#include "absl/strings/str_cat.h"
#include "bulkhead/v1/query.grpc.pb.h"
#include "collector/api/list_alerts.h"
#include "collector/api/list_events.h"
#include "collector/api/query_run.h"
#include "collector/api/server_run.h"

namespace bulkhead::api {

absl::StatusOr<v1::Host> complete_host(v1::Host host, store::SequenceLedger& ledger) {
  const auto boot = ledger.boot(host.host_id(), host.boot_id());
  if (!boot.ok()) return boot.status();
  for (const auto& stored : boot->stored) *host.add_stored() = stored;
  const auto missing = ledger.missing(host.host_id());
  if (!missing.ok()) return missing.status();
  host.set_missing_events(*missing);
  host.set_lost_records(directory::lost_records(host.health()));
  return host;
}

class QueryService::Implementation final : public v1::Query::Service {
 public:
  Implementation(Sources sources, QueryOptions options) : sources_(std::move(sources)), options_(options) {}

  void stop() { stopping_ = true; }

  grpc::Status ListHosts(grpc::ServerContext* context, const v1::ListHostsRequest* request,
                         grpc::ServerWriter<v1::Host>* writer) override {
    return run<v1::Host>(*context, *writer, [&](QueryRun<v1::Host>& query) {
      for (auto& host : sources_.directory.hosts(request->host())) {
        const auto complete = complete_host(std::move(host), sources_.ledger);
        if (!complete.ok()) return complete.status();
        if (!query.send(*complete)) break;
      }
      return absl::OkStatus();
    });
  }

  grpc::Status ListTenants(grpc::ServerContext* context, const v1::ListTenantsRequest* request,
                           grpc::ServerWriter<v1::TenantSummary>* writer) override {
    return run<v1::TenantSummary>(*context, *writer, [&](QueryRun<v1::TenantSummary>& query) {
      auto tenants = with_alerts(sources_.directory.tenants(request->tenant()), sources_.alerts);
      if (!tenants.ok()) return tenants.status();
      for (const auto& tenant : *tenants) {
        if (!query.send(tenant)) break;
      }
      return absl::OkStatus();
    });
  }

  grpc::Status ListEvents(grpc::ServerContext* context, const v1::ListEventsRequest* request,
                          grpc::ServerWriter<v1::Event>* writer) override {
    return run<v1::Event>(*context, *writer, [&](QueryRun<v1::Event>& query) {
      return list_events(*request, sources_.log, sources_.directory, query);
    });
  }

  grpc::Status ListAlerts(grpc::ServerContext* context, const v1::ListAlertsRequest* request,
                          grpc::ServerWriter<v1::Alert>* writer) override {
    return run<v1::Alert>(*context, *writer, [&](QueryRun<v1::Alert>& query) {
      return list_alerts(*request, sources_.alerts, sources_.directory, sources_.subscribe, query);
    });
  }

  grpc::Status GetStatus(grpc::ServerContext*, const v1::GetStatusRequest*, v1::Status* status) override {
    *status = sources_.status();
    return grpc::Status::OK;
  }

 private:
  template <typename Message, typename Query>
  grpc::Status run(grpc::ServerContext& context, grpc::ServerWriter<Message>& writer, Query query) {
    const Place place(running_, options_.max_queries);
    if (!place.granted()) {
      return to_grpc(absl::ResourceExhaustedError(absl::StrCat(options_.max_queries, " queries are running already")));
    }
    // A client that follows learns at once that it does, not with the first answer.
    writer.SendInitialMetadata();
    ServerRun<Message> stream(context, writer, stopping_);
    const absl::Status status = query(stream);
    if (status.ok() && stopping_) return to_grpc(absl::UnavailableError("the collector is stopping"));
    return to_grpc(status);
  }

  const Sources sources_;
  const QueryOptions options_;
  std::atomic<std::size_t> running_ = 0;
  std::atomic<bool> stopping_ = false;
};

QueryService::QueryService(Sources sources, QueryOptions options)
    : implementation_(std::make_unique<Implementation>(std::move(sources), options)) {}

QueryService::~QueryService() = default;

grpc::Service& QueryService::service() {
  return *implementation_;
}

void QueryService::stop() {
  implementation_->stop();
}

}  // namespace bulkhead::api
