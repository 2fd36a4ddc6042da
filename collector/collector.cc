#include "collector/collector.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/uuid/random_generator.hpp>
#include <boost/uuid/uuid_io.hpp>
#include <chrono>
#include <filesystem>
#include <mutex>

#include "absl/time/clock.h"
#include "collector/address_file.h"
#include "collector/alerts/rule_files.h"
#include "collector/alerts/stage.h"
#include "collector/api/control_service.h"
#include "collector/api/http_server.h"
#include "collector/api/query_service.h"
#include "collector/api/rpc_server.h"
#include "collector/directory/directory.h"
#include "collector/ingest/ingest.h"
#include "collector/policy/history.h"
#include "collector/policy/source.h"
#include "collector/report.h"
#include "collector/store/own_events.h"
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

std::uint32_t enabled_rules(const detect::RuleSet& rules) {
  return static_cast<std::uint32_t>(
      std::ranges::count_if(rules.rules(), [](const auto& rule) { return rule.enabled; }));
}

std::string default_rules() {
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (!error) {
    const auto installed = program.parent_path().parent_path() / "share" / "bulkhead" / "rules";
    if (std::filesystem::is_directory(installed, error)) return installed.string();
  }
  return BULKHEAD_SOURCE_RULES;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const detect::RuleSet>> load_rules(const Options& options) {
  const auto files = alerts::read_rule_files(options.rules.empty() ? default_rules() : options.rules);
  if (!files.ok()) return files.status();
  return detect::compile_rules(*files);
}

absl::StatusOr<std::optional<policy::PolicyFile>> load_policy(const Options& options) {
  if (options.policy.empty()) return std::nullopt;
  auto file = policy::read_file(options.policy);
  if (!file.ok()) return file.status();
  return *std::move(file);
}

// What is open before anything runs.
struct Opened {
  std::unique_ptr<store::Store> store;
  std::unique_ptr<directory::Directory> directory;
  std::string id;
  std::unique_ptr<store::OwnEvents> own_events;
  std::unique_ptr<policy::PolicyHistory> policies;
};

// In the order of their lives: each uses those above it.
class Collector::Implementation {
 public:
  Implementation(const Options& options, std::shared_ptr<const detect::RuleSet> rules, Opened opened)
      : store_(std::move(opened.store)),
        directory_(std::move(opened.directory)),
        own_events_(std::move(opened.own_events)),
        policies_(std::move(opened.policies)),
        stage_(
            store_->log(), store_->alerts(), rules,
            [this](const std::string& host_id) { return directory_->hostname(host_id); }, make_sinks(options)),
        ingest_(store_->log(), store_->ledger(), *directory_, {.collector_id = opened.id}),
        policy_source_(options.policy, *policies_,
                       [this](const policy::PolicyHistory::Pointer& policy) { push_policy(policy); }),
        report_({.store = *store_,
                 .directory = *directory_,
                 .stage = stage_,
                 .ingest = ingest_,
                 .rules = *rules,
                 .policies = *policies_,
                 .policy_source = policy_source_,
                 .id = opened.id,
                 .started = absl::Now()}),
        query_({.log = store_->log(),
                .ledger = store_->ledger(),
                .alerts = store_->alerts(),
                .directory = *directory_,
                .status = [this] { return report_.status(); },
                .subscribe = [this] { return stage_.subscribe(); }}),
        control_({.policies = *policies_, .reload = [this](const std::string& by) { return reload(by); }}),
        rules_(std::move(rules)) {}

  ~Implementation() { stop(); }

  absl::Status start(const Options& options, std::optional<policy::PolicyFile> policy) {
    if (policy) {
      if (auto status = policy_source_.take_up(*std::move(policy), absl::Now()); !status.ok()) return status;
    }
    // Also none, and also one of before: agents learn what is in force, not only what changed.
    push_policy(policies_->current());
    if (auto status = stage_.start(); !status.ok()) return status;
    auto server = api::RpcServer::start(options.listen, {&ingest_.service(), &query_.service(), &control_.service()});
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
    control_.stop();
    ingest_.stop(kDrain);
    if (server_ != nullptr) server_->stop(kGrace);
    stage_.stop();
  }

  void reopen_files() { stage_.reopen_sinks(); }

  // Everything is read and checked before anything of it counts.
  absl::StatusOr<v1::ReloadResponse> reload(const std::string& by) {
    const std::lock_guard one_at_a_time(reload_mutex_);
    spdlog::info("reload, asked for by {}", by);
    if (policy_source_.has_file()) {
      auto policy = policy_source_.read();
      if (!policy.ok()) return policy.status();
      if (auto status = policy_source_.take_up(*std::move(policy), absl::Now()); !status.ok()) return status;
    }
    v1::ReloadResponse response;
    response.set_rules(enabled_rules(*rules_));
    if (const auto policy = policies_->current(); policy != nullptr) response.set_policy_version(policy->version());
    return response;
  }

  std::string listen_address() const { return server_->address().text(); }
  std::string http_address() const { return http_ == nullptr ? std::string() : http_->address().text(); }

 private:
  // Without a policy in force agents are told so.
  void push_policy(const policy::PolicyHistory::Pointer& policy) {
    ingest_.set_policy(policy == nullptr ? v1::AgentPolicy() : policy::for_agents(*policy));
  }

  const std::unique_ptr<store::Store> store_;
  const std::unique_ptr<directory::Directory> directory_;
  const std::unique_ptr<store::OwnEvents> own_events_;
  const std::unique_ptr<policy::PolicyHistory> policies_;
  alerts::DetectionStage stage_;
  ingest::Ingest ingest_;
  policy::PolicySource policy_source_;
  const Report report_;
  api::QueryService query_;
  api::ControlService control_;
  const std::shared_ptr<const detect::RuleSet> rules_;
  AddressFile listen_file_;
  AddressFile http_file_;
  std::unique_ptr<api::RpcServer> server_;
  std::unique_ptr<api::HttpServer> http_;
  bool stopped_ = false;
  std::mutex reload_mutex_;
};

namespace {

absl::StatusOr<Opened> open(const Options& options) {
  Opened opened;
  auto store = store::Store::open(options.data_dir);
  if (!store.ok()) return store.status();
  opened.store = *std::move(store);
  auto directory = directory::Directory::open(opened.store->table());
  if (!directory.ok()) return directory.status();
  opened.directory = *std::move(directory);
  auto id = collector_id(opened.store->table());
  if (!id.ok()) return id.status();
  opened.id = *std::move(id);
  auto own_events = store::OwnEvents::open(opened.store->log(), opened.store->ledger(), opened.id);
  if (!own_events.ok()) return own_events.status();
  opened.own_events = *std::move(own_events);
  auto policies = policy::PolicyHistory::open(opened.store->table(), [own = opened.own_events.get()](v1::Event event) {
    return own->append(std::move(event)).status();
  });
  if (!policies.ok()) return policies.status();
  opened.policies = *std::move(policies);
  return opened;
}

}  // namespace

Collector::Collector(std::unique_ptr<Implementation> implementation) : implementation_(std::move(implementation)) {}

Collector::~Collector() = default;

absl::StatusOr<std::unique_ptr<Collector>> Collector::start(const Options& options) {
  auto rules = load_rules(options);
  if (!rules.ok()) return rules.status();
  auto policy = load_policy(options);
  if (!policy.ok()) return policy.status();
  auto opened = open(options);
  if (!opened.ok()) return opened.status();
  auto implementation = std::make_unique<Implementation>(options, *std::move(rules), *std::move(opened));
  if (auto status = implementation->start(options, *std::move(policy)); !status.ok()) return status;
  return std::unique_ptr<Collector>(new Collector(std::move(implementation)));
}

void Collector::stop() {
  implementation_->stop();
}

void Collector::reopen_files() {
  implementation_->reopen_files();
}

absl::StatusOr<v1::ReloadResponse> Collector::reload(const std::string& by) {
  return implementation_->reload(by);
}

std::string Collector::listen_address() const {
  return implementation_->listen_address();
}

std::string Collector::http_address() const {
  return implementation_->http_address();
}

}  // namespace bulkhead::collector
