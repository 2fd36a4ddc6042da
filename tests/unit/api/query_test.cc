#include <grpcpp/grpcpp.h>

#include <catch2/catch.hpp>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "bulkhead/v1/query.grpc.pb.h"
#include "collector/api/query_service.h"
#include "collector/api/rpc_server.h"
#include "tests/unit/store/fixture.h"

namespace bulkhead::test {

namespace {

// Alerts that the test hands to who follows.
class TestSubscription final : public alerts::Subscription {
 public:
  std::optional<v1::Alert> try_next() override { return next(std::chrono::milliseconds(0)); }
  std::optional<v1::Alert> next(std::chrono::milliseconds timeout) override {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, timeout, [&] { return !alerts_.empty(); });
    if (alerts_.empty()) return std::nullopt;
    auto alert = alerts_.front();
    alerts_.erase(alerts_.begin());
    return alert;
  }
  std::uint64_t take_missed() override { return missed_.exchange(0); }
  bool closed() const override { return false; }

  void add(v1::Alert alert) {
    const std::lock_guard lock(mutex_);
    alerts_.push_back(std::move(alert));
    changed_.notify_all();
  }
  std::atomic<std::uint64_t> missed_ = 0;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<v1::Alert> alerts_;
};

struct Api {
  explicit Api(api::QueryOptions options = {}) {
    directory = *directory::Directory::open(store->table());
    query = std::make_unique<api::QueryService>(api::Sources{.log = store->log(),
                                                             .ledger = store->ledger(),
                                                             .alerts = store->alerts(),
                                                             .directory = *directory,
                                                             .status = [] { return v1::Status(); },
                                                             .subscribe = [this] { return subscription; }},
                                                options);
    auto started = api::RpcServer::start({.host = "127.0.0.1", .port = 0, .path = ""}, {&query->service()});
    REQUIRE(started.ok());
    server = *std::move(started);
    stub = v1::Query::NewStub(grpc::CreateChannel(server->address().text(), grpc::InsecureChannelCredentials()));
  }
  ~Api() {
    query->stop();
    server->stop(std::chrono::milliseconds(1000));
  }

  void append(const v1::EventBatch& batch) { REQUIRE(store->log().append(std::span(&batch, 1)).ok()); }
  void connect(const std::string& host, const std::string& hostname) {
    v1::Hello hello;
    hello.set_host_id(host);
    hello.set_boot_id(kBoot);
    hello.set_hostname(hostname);
    REQUIRE(directory->connect(hello, ++connections).ok());
  }

  std::vector<std::uint64_t> events(const v1::ListEventsRequest& request) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    const auto reader = stub->ListEvents(&context, request);
    std::vector<std::uint64_t> found;
    v1::Event event;
    while (reader->Read(&event)) found.push_back(event.sequence());
    REQUIRE(reader->Finish().ok());
    return found;
  }
  std::vector<std::string> alerts(const v1::ListAlertsRequest& request) {
    grpc::ClientContext context;
    const auto reader = stub->ListAlerts(&context, request);
    std::vector<std::string> found;
    v1::Alert alert;
    while (reader->Read(&alert)) found.push_back(alert.uid());
    REQUIRE(reader->Finish().ok());
    return found;
  }

  TempDir dir;
  std::unique_ptr<store::Store> store = open_store(dir.path());
  std::unique_ptr<directory::Directory> directory;
  std::shared_ptr<TestSubscription> subscription = std::make_shared<TestSubscription>();
  std::unique_ptr<api::QueryService> query;
  std::unique_ptr<api::RpcServer> server;
  std::unique_ptr<v1::Query::Stub> stub;
  directory::Directory::Connection connections = 0;
};

using Sequences = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("events are listed whole and filtered by time, tenant and host") {
  Api api;
  api.connect("host-b", "beta");
  for (std::uint64_t i = 0; i < 20; ++i) api.append(make_batch(1 + 5 * i, 5));  // 1 … 100
  api.append(make_batch(1, 2, "host-b"));
  v1::ListEventsRequest request;
  REQUIRE(api.events(request).size() == 102);
  request.mutable_filter()->mutable_since()->set_seconds(kBaseSeconds + 40);
  request.mutable_filter()->mutable_until()->set_seconds(kBaseSeconds + 43);
  REQUIRE(api.events(request) == Sequences{40, 41, 42, 43});
  request.Clear();
  request.mutable_filter()->set_host("beta");
  REQUIRE(api.events(request) == Sequences{1, 2});
  request.mutable_filter()->set_host("host-b");
  REQUIRE(api.events(request).size() == 2);
  request.mutable_filter()->set_tenant("tenant-b");
  REQUIRE(api.events(request).size() == 2);
  request.mutable_filter()->set_tenant("tenant-c");
  REQUIRE(api.events(request).empty());
}

TEST_CASE("a limit gives the newest events, oldest first, also across pages and with a filter") {
  Api api;
  for (std::uint64_t i = 0; i < 40; ++i) api.append(make_batch(1 + 3 * i, 3));  // 1 … 120
  v1::ListEventsRequest request;
  request.set_limit(4);
  REQUIRE(api.events(request) == Sequences{117, 118, 119, 120});
  request.set_limit(100);
  REQUIRE(api.events(request).size() == 100);
  REQUIRE(api.events(request).front() == 21);
  request.set_limit(1000);
  REQUIRE(api.events(request).size() == 120);
  request.set_limit(2);
  request.mutable_filter()->mutable_until()->set_seconds(kBaseSeconds + 10);
  REQUIRE(api.events(request) == Sequences{9, 10});
  request.set_limit(5);
  request.mutable_filter()->mutable_since()->set_seconds(kBaseSeconds + 8);
  REQUIRE(api.events(request) == Sequences{8, 9, 10});
  request.mutable_filter()->mutable_since()->set_seconds(kBaseSeconds + 11);
  grpc::ClientContext context;
  const auto reader = api.stub->ListEvents(&context, request);
  REQUIRE(reader->Finish().error_code() == grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_CASE("a query that follows sees events that are stored later, and ends when it is cancelled") {
  Api api;
  api.append(make_batch(1, 2));
  v1::ListEventsRequest request;
  request.set_follow(true);
  request.set_limit(1);
  grpc::ClientContext context;
  const auto reader = api.stub->ListEvents(&context, request);
  v1::Event event;
  REQUIRE(reader->Read(&event));
  REQUIRE(event.sequence() == 2);
  api.append(make_batch(3, 1));
  REQUIRE(reader->Read(&event));
  REQUIRE(event.sequence() == 3);
  context.TryCancel();
  REQUIRE(reader->Finish().error_code() == grpc::StatusCode::CANCELLED);
}

TEST_CASE("a client that does not read holds back no append") {
  Api api;
  for (std::uint64_t i = 0; i < 100; ++i) api.append(make_batch(1 + 500 * i, 500));
  grpc::ClientContext context;
  const auto reader = api.stub->ListEvents(&context, v1::ListEventsRequest());
  v1::Event event;
  REQUIRE(reader->Read(&event));
  const auto begin = std::chrono::steady_clock::now();
  api.append(make_batch(50'001, 1));
  REQUIRE(std::chrono::steady_clock::now() - begin < std::chrono::seconds(10));
  context.TryCancel();
  reader->Finish();
}

TEST_CASE("queries beyond the limit are refused") {
  Api api({.max_queries = 1});
  v1::ListEventsRequest request;
  request.set_follow(true);
  api.append(make_batch(1, 1));
  grpc::ClientContext first;
  const auto reader = api.stub->ListEvents(&first, request);
  v1::Event event;
  REQUIRE(reader->Read(&event));
  grpc::ClientContext second;
  const auto refused = api.stub->ListEvents(&second, request);
  REQUIRE(refused->Finish().error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED);
  first.TryCancel();
  reader->Finish();
}

TEST_CASE("stopping ends the queries that follow") {
  Api api;
  v1::ListEventsRequest request;
  request.set_follow(true);
  grpc::ClientContext context;
  const auto reader = api.stub->ListEvents(&context, request);
  reader->WaitForInitialMetadata();
  api.query->stop();
  REQUIRE_FALSE(reader->Finish().ok());
}

TEST_CASE("alerts are filtered by rule, tenant, host and time, and limited to the newest") {
  Api api;
  std::vector<v1::Alert> alerts = {make_alert("a", 1), make_alert("b", 2), make_alert("c", 3)};
  alerts[1].mutable_rule()->set_id("NET-03");
  alerts[2].set_host_id("host-b");
  REQUIRE(api.store->alerts().commit(alerts, store::Position("p")).ok());
  using Uids = std::vector<std::string>;
  v1::ListAlertsRequest request;
  REQUIRE(api.alerts(request) == Uids{"a", "b", "c"});
  request.set_limit(2);
  REQUIRE(api.alerts(request) == Uids{"b", "c"});
  request.Clear();
  request.mutable_filter()->set_rule("NET-03");
  REQUIRE(api.alerts(request) == Uids{"b"});
  request.Clear();
  request.mutable_filter()->set_host("host-b");
  REQUIRE(api.alerts(request) == Uids{"c"});
  request.Clear();
  request.mutable_filter()->set_tenant("tenant-b");
  request.mutable_filter()->mutable_since()->set_seconds(kBaseSeconds + 2);
  REQUIRE(api.alerts(request) == Uids{"b", "c"});
}

TEST_CASE("a query that follows alerts gets them as they change, and the stored ones again when it missed some") {
  Api api;
  const auto stored = make_alert("a", 1);
  REQUIRE(api.store->alerts().commit(std::span(&stored, 1), store::Position("p")).ok());
  v1::ListAlertsRequest request;
  request.set_follow(true);
  grpc::ClientContext context;
  const auto reader = api.stub->ListAlerts(&context, request);
  v1::Alert alert;
  REQUIRE(reader->Read(&alert));
  REQUIRE(alert.uid() == "a");
  api.subscription->add(make_alert("b", 2));
  REQUIRE(reader->Read(&alert));
  REQUIRE(alert.uid() == "b");
  api.subscription->missed_ = 3;
  REQUIRE(reader->Read(&alert));
  REQUIRE(alert.uid() == "a");
  context.TryCancel();
  reader->Finish();
}

TEST_CASE("a host is listed with its stored counts, its missing events and its lost records") {
  Api api;
  api.connect(kHost, "alpha");
  api.append(make_batch(1, 3));
  REQUIRE(api.store->ledger().append_missing(make_missing(4, 8), 8).ok());
  v1::Health health;
  health.add_counters()->set_lost(6);
  REQUIRE(api.directory->set_health(kHost, 1, health).ok());
  grpc::ClientContext context;
  const auto reader = api.stub->ListHosts(&context, v1::ListHostsRequest());
  v1::Host host;
  REQUIRE(reader->Read(&host));
  REQUIRE(host.hostname() == "alpha");
  REQUIRE(host.stored_size() == 2);
  REQUIRE(host.missing_events() == 5);
  REQUIRE(host.lost_records() == 6);
}

}  // namespace bulkhead::test
