#include "collector/collector.h"

#include <spdlog/spdlog.h>

#include <boost/uuid/random_generator.hpp>
#include <boost/uuid/uuid_io.hpp>
#include <chrono>

#include "absl/time/clock.h"
#include "collector/address_file.h"
#include "collector/alerts/rule_files.h"
#include "collector/alerts/stage.h"
#include "collector/api/http_server.h"
#include "collector/api/query_service.h"
#include "collector/api/rpc_server.h"
#include "collector/directory/directory.h"
#include "collector/ingest/ingest.h"
#include "collector/report.h"
#include "collector/store/rocksdb_store.h"

namespace bulkhead::collector {

namespace {

constexpr std::chrono::milliseconds kDrain{5000};
constexpr std::chrono::milliseconds kGrace{1000};
constexpr char kCollectorIdKey[] = "collector_id";

// Made once for a store: agents tell by it whether they still talk to the collector that acknowledged their events.
absl::StatusOr<std::string> collector_id(store::Table& table) {
  auto stored = table.get(kCollectorIdKey);
  if (!stored.ok()) return stored.status();
  if (stored->has_value()) return **stored;
  std::string id = boost::uuids::to_string(boost::uuids::random_generator()());
  if (auto status = table.put(kCollectorIdKey, id); !status.ok()) return status;
  return id;
}

std::vector<std::unique_ptr<alerts::Sink>> make_sinks(const Options& options) {
  std::vector<std::unique_ptr<alerts::Sink>> sinks;
  if (options.alerts_stdout) sinks.push_back(std::make_unique<alerts::StdoutSink>());
  if (!options.alerts_file.empty()) sinks.push_back(std::make_unique<alerts::FileSink>(options.alerts_file));
  return sinks;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const detect::RuleSet>> load_rules(const Options& options) {
  const auto files = alerts::read_rule_files(options.rules.empty() ? alerts::default_rules() : options.rules);
  if (!files.ok()) return files.status();
  return detect::compile_rules(*files);
}

// In the order of their lives: each uses those above it.
class Collector::Implementation {
 public:
  Implementation(const Options& options, std::shared_ptr<const detect::RuleSet> rules,
                 std::unique_ptr<store::Store> store, std::unique_ptr<directory::Directory> directory, std::string id)
      : store_(std::move(store)),
        directory_(std::move(directory)),
        stage_(
            store_->log(), store_->alerts(), rules,
            [this](const std::string& host_id) { return directory_->hostname(host_id); }, make_sinks(options)),
        ingest_(store_->log(), store_->ledger(), *directory_, {.collector_id = id}),
        report_({.store = *store_,
                 .directory = *directory_,
                 .stage = stage_,
                 .ingest = ingest_,
                 .rules = *rules,
                 .id = id,
                 .started = absl::Now()}),
        query_({.log = store_->log(),
                .ledger = store_->ledger(),
                .alerts = store_->alerts(),
                .directory = *directory_,
                .status = [this] { return report_.status(); },
                .subscribe = [this] { return stage_.subscribe(); }}),
        rules_(std::move(rules)) {}

  ~Implementation() { stop(); }

  absl::Status start(const Options& options) {
    if (auto status = stage_.start(); !status.ok()) return status;
    auto server = api::RpcServer::start(options.listen, {&ingest_.service(), &query_.service()});
    if (!server.ok()) return server.status();
    server_ = *std::move(server);
    if (auto status = listen_file_.write(options.data_dir, "listen.addr", server_->address().text()); !status.ok()) {
      return status;
    }
    if (!options.http) return absl::OkStatus();
    auto http = api::HttpServer::start(*options.http, {{"/healthz", [this] { return report_.health(); }},
                                                       {"/metrics", [this] { return report_.metrics(); }}});
    if (!http.ok()) return http.status();
    http_ = *std::move(http);
    return http_file_.write(options.data_dir, "http.addr", http_->address().text());
  }

  void stop() {
    if (std::exchange(stopped_, true)) return;
    listen_file_.remove();
    http_file_.remove();
    http_.reset();
    query_.stop();
    ingest_.stop(kDrain);
    if (server_ != nullptr) server_->stop(kGrace);
    stage_.stop();
  }

  void reopen_files() { stage_.reopen_sinks(); }
  std::string listen_address() const { return server_->address().text(); }
  std::string http_address() const { return http_ == nullptr ? std::string() : http_->address().text(); }

 private:
  const std::unique_ptr<store::Store> store_;
  const std::unique_ptr<directory::Directory> directory_;
  alerts::DetectionStage stage_;
  ingest::Ingest ingest_;
  const Report report_;
  api::QueryService query_;
  const std::shared_ptr<const detect::RuleSet> rules_;
  AddressFile listen_file_;
  AddressFile http_file_;
  std::unique_ptr<api::RpcServer> server_;
  std::unique_ptr<api::HttpServer> http_;
  bool stopped_ = false;
};

Collector::Collector(std::unique_ptr<Implementation> implementation) : implementation_(std::move(implementation)) {}

Collector::~Collector() = default;

absl::StatusOr<std::unique_ptr<Collector>> Collector::start(const Options& options) {
  auto rules = load_rules(options);
  if (!rules.ok()) return rules.status();
  auto store = store::Store::open(options.data_dir);
  if (!store.ok()) return store.status();
  auto directory = directory::Directory::open((*store)->table());
  if (!directory.ok()) return directory.status();
  auto id = collector_id((*store)->table());
  if (!id.ok()) return id.status();
  auto implementation = std::make_unique<Implementation>(options, *std::move(rules), *std::move(store),
                                                         *std::move(directory), *std::move(id));
  if (auto status = implementation->start(options); !status.ok()) return status;
  return std::unique_ptr<Collector>(new Collector(std::move(implementation)));
}

void Collector::stop() {
  implementation_->stop();
}

void Collector::reopen_files() {
  implementation_->reopen_files();
}

std::string Collector::listen_address() const {
  return implementation_->listen_address();
}

std::string Collector::http_address() const {
  return implementation_->http_address();
}

}  // namespace bulkhead::collector
