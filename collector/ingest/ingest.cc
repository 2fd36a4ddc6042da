#include "collector/ingest/ingest.h"

#include "bulkhead/v1/ingest.grpc.pb.h"
#include "collector/ingest/hub.h"
#include "collector/ingest/stream.h"

namespace bulkhead::ingest {

namespace {

class Refusal final : public grpc::ServerBidiReactor<v1::AgentMessage, v1::CollectorMessage> {
 public:
  explicit Refusal(const absl::Status& status) { Finish(to_grpc(status)); }
  void OnDone() override { delete this; }
};

class Service final : public v1::Ingest::CallbackService {
 public:
  explicit Service(Hub& hub) : hub_(hub) {}

  grpc::ServerBidiReactor<v1::AgentMessage, v1::CollectorMessage>* Stream(
      grpc::CallbackServerContext* context) override {
    auto stream = std::make_shared<ingest::Stream>(hub_, *context);
    const auto connection = hub_.admit(stream);
    if (!connection.ok()) return new Refusal(connection.status());
    stream->start(*connection);
    return stream.get();  // the hub holds it until OnDone
  }

 private:
  Hub& hub_;
};

}  // namespace

class Ingest::Implementation {
 public:
  Implementation(store::EventLog& log, store::SequenceLedger& ledger, directory::Directory& directory, Options options)
      : hub(log, ledger, directory, std::move(options)), service(hub) {}

  Hub hub;
  Service service;
};

Ingest::Ingest(store::EventLog& log, store::SequenceLedger& ledger, directory::Directory& directory, Options options)
    : implementation_(std::make_unique<Implementation>(log, ledger, directory, std::move(options))) {}

Ingest::~Ingest() = default;

grpc::Service& Ingest::service() {
  return implementation_->service;
}

void Ingest::set_policy(v1::AgentPolicy policy) {
  implementation_->hub.set_policy(std::make_shared<const v1::AgentPolicy>(std::move(policy)));
}

void Ingest::stop(std::chrono::milliseconds timeout) {
  implementation_->hub.stop(timeout);
}

Statistics Ingest::statistics() const {
  const Counters& counters = implementation_->hub.counters();
  return {.streams = implementation_->hub.streams(),
          .streams_opened = counters.streams_opened,
          .streams_refused = counters.streams_refused,
          .streams_replaced = counters.streams_replaced,
          .streams_rejected = counters.streams_rejected,
          .batches = counters.batches,
          .batch_bytes = counters.batch_bytes,
          .batches_duplicate = counters.batches_duplicate,
          .batches_beyond = counters.batches_beyond,
          .gaps_stated = counters.gaps_stated,
          .commits = counters.commits,
          .commit_failures = counters.commit_failures};
}

std::vector<std::string> Ingest::problems() const {
  std::string problem = implementation_->hub.writer().problem();
  if (problem.empty()) return {};
  return {"events cannot be stored: " + std::move(problem)};
}

}  // namespace bulkhead::ingest
