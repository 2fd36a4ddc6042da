// v1.Query: what bulkheadctl and other clients ask. A query runs on a thread of its own and reads the store in pages,
// so that a slow client holds back nobody.
#pragma once

#include <functional>
#include <memory>

#include "bulkhead/v1/query.pb.h"
#include "collector/alerts/stage.h"
#include "collector/directory/directory.h"
#include "collector/store/alert_store.h"
#include "collector/store/event_log.h"
#include "collector/store/sequence_ledger.h"

namespace grpc {
class Service;
}

namespace bulkhead::api {

// All of it outlives the service.
struct Sources {
  store::EventLog& log;
  store::SequenceLedger& ledger;
  store::AlertStore& alerts;
  directory::Directory& directory;
  std::function<v1::Status()> status;
  std::function<std::shared_ptr<alerts::Subscription>()> subscribe;
};

struct QueryOptions {
  // At once; a further one is refused with RESOURCE_EXHAUSTED.
  std::size_t max_queries = 64;
};

// The directory's host with what the store knows of it.
absl::StatusOr<v1::Host> complete_host(v1::Host host, store::SequenceLedger& ledger);

// Thread safe.
class QueryService {
 public:
  explicit QueryService(Sources sources, QueryOptions options = {});
  // The server that the service is registered with has stopped.
  ~QueryService();

  grpc::Service& service();
  // Ends the queries that follow.
  void stop();

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace bulkhead::api
