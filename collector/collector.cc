#include "collector/collector.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <boost/uuid/random_generator.hpp>
#include <boost/uuid/uuid_io.hpp>
#include <chrono>
#include <mutex>
#include <optional>

#include "absl/time/clock.h"
#include "collector/alerts/rule_files.h"
#include "collector/alerts/stage.h"
#include "collector/api/control_service.h"
#include "collector/api/query_service.h"
#include "collector/api/rpc_server.h"
#include "collector/directory/directory.h"
#include "collector/grants/grant_book.h"
#include "collector/housekeeping.h"
#include "collector/ingest/ingest.h"
#include "collector/policy/history.h"
#include "collector/policy/permission.h"
#include "collector/policy/source.h"
#include "collector/report.h"
#include "collector/sink_summaries.h"
#include "collector/sinks/dispatcher.h"
#include "collector/sinks/make_sinks.h"
#include "collector/store/own_events.h"
#include "collector/store/rocksdb_store.h"
#include "monitoring/http_server.h"
#include "net/address_file.h"
#include "proto/batch/event_time.h"

namespace bulkhead::collector {

namespace {

constexpr std::chrono::milliseconds kDrain{5000};
constexpr std::chrono::milliseconds kGrace{1000};
constexpr std::chrono::seconds kHousekeeping{1};
// Records of a grant's last moment may still be on their way.
constexpr absl::Duration kExpiryGrace = absl::Seconds(10);
// Where detection never gets to the log's end.
constexpr absl::Duration kLongestExpiryGrace = absl::Minutes(5);
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

}  // namespace

absl::StatusOr<std::shared_ptr<const detect::RuleSet>> load_rules(const Options& options) {
  const auto files = alerts::read_rule_files(options.rules.empty() ? alerts::default_rules() : options.rules);
  if (!files.ok()) return files.status();
  return detect::compile_rules(*files);
}

absl::StatusOr<std::optional<policy::PolicyFile>> load_policy(const Options& options) {
  if (options.policy.empty()) return std::nullopt;
  auto file = policy::read_file(options.policy);
  if (!file.ok()) return file.status();
  return *std::move(file);
}

namespace {

// What is opened before anything runs, in the order of their lives: each uses those above it.
struct Foundation {
  std::unique_ptr<store::Store> store;
  std::string id;
  std::unique_ptr<directory::Directory> directory;
  std::unique_ptr<store::OwnEvents> own_events;
  std::unique_ptr<alerts::Silences> silences;
  std::unique_ptr<grants::GrantBook> grants;
  std::unique_ptr<policy::PolicyHistory> policies;
};

absl::StatusOr<Foundation> lay_foundation(const Options& options) {
  Foundation foundation;
  auto store = store::Store::open(options.data_dir);
  if (!store.ok()) return store.status();
  foundation.store = *std::move(store);
  store::Table& table = foundation.store->table();
  auto id = collector_id(table);
  if (!id.ok()) return id.status();
  foundation.id = *std::move(id);
  auto directory = directory::Directory::open(table);
  if (!directory.ok()) return directory.status();
  foundation.directory = *std::move(directory);
  auto own_events = store::OwnEvents::open(foundation.store->log(), foundation.store->ledger(), foundation.id);
  if (!own_events.ok()) return own_events.status();
  foundation.own_events = *std::move(own_events);
  auto silences = alerts::Silences::open(table);
  if (!silences.ok()) return silences.status();
  foundation.silences = *std::move(silences);
  auto grants =
      grants::GrantBook::open({table, *foundation.own_events, foundation.store->log(), foundation.store->alerts()});
  if (!grants.ok()) return grants.status();
  foundation.grants = *std::move(grants);
  auto policies = policy::PolicyHistory::open(
      table, [own = foundation.own_events.get()](v1::Event event) { return own->append(std::move(event)).status(); });
  if (!policies.ok()) return policies.status();
  foundation.policies = *std::move(policies);
  return foundation;
}

}  // namespace

// In the order of their lives: each uses those above it.
class Collector::Implementation {
 public:
  Implementation(const Options& options, std::shared_ptr<const detect::RuleSet> rules, sinks::MadeSinks sinks,
                 Foundation foundation)
      : options_(options),
        base_(std::move(foundation)),
        rules_(std::move(rules)),
        sinks_(base_.store->outbox(), base_.store->alerts(), std::move(sinks.sinks), std::move(sinks.dropped)),
        stage_({.log = base_.store->log(),
                .alerts = base_.store->alerts(),
                .rules = rules_,
                .hostname = [this](const std::string& host_id) { return base_.directory->hostname(host_id); },
                .recipients = [this](const v1::Alert& alert) { return sinks_.recipients(alert); },
                .authorise = [this](const v1::Event& event) { return authorise(event); },
                .silences = base_.silences.get(),
                .committed = [this](const std::vector<alerts::Change>& changes) { base_.grants->note(changes); }}),
        ingest_(base_.store->log(), base_.store->ledger(), *base_.directory, {.collector_id = base_.id}),
        policy_source_(options.policy, *base_.policies,
                       [this](const policy::PolicyHistory::Pointer& policy) { push_policy(policy); }),
        report_({.store = *base_.store,
                 .directory = *base_.directory,
                 .stage = stage_,
                 .sinks = sinks_,
                 .ingest = ingest_,
                 .silences = *base_.silences,
                 .grants = *base_.grants,
                 .policies = *base_.policies,
                 .policy_source = policy_source_,
                 .rules = [this] { return current_rules(); },
                 .problems = [this] { return own_problems(); },
                 .id = base_.id,
                 .started = absl::Now()}),
        query_({.log = base_.store->log(),
                .ledger = base_.store->ledger(),
                .alerts = base_.store->alerts(),
                .directory = *base_.directory,
                .status = [this] { return report_.status(); },
                .subscribe = [this] { return stage_.subscribe(); }}),
        control_({.stage = stage_,
                  .silences = *base_.silences,
                  .grants = *base_.grants,
                  .terms = [this] { return terms(); },
                  .policies = *base_.policies,
                  .sinks = [this] { return sink_summaries(sinks_.statistics()); },
                  .outbox = base_.store->outbox(),
                  .reload = [this](const std::string& by) { return reload(by); }}) {}

  ~Implementation() { stop(); }

  absl::Status start(const Options& options, std::optional<policy::PolicyFile> policy) {
    if (policy) {
      if (auto status = policy_source_.take_up(*std::move(policy), absl::Now()); !status.ok()) return status;
    }
    // Also none, and also one of before: agents learn what is in force, not only what changed.
    push_policy(base_.policies->current());
    if (auto status = sinks_.start(); !status.ok()) return status;
    if (auto status = stage_.start(); !status.ok()) return status;
    housekeeping_.emplace(kHousekeeping, [this] { keep_house(); });
    auto server = api::RpcServer::start(options.listen, {&ingest_.service(), &query_.service(), &control_.service()});
    if (!server.ok()) return server.status();
    server_ = *std::move(server);
    if (auto status = listen_file_.write(options.data_dir, "listen.addr", server_->address().text()); !status.ok()) {
      return status;
    }
    if (!options.http) return absl::OkStatus();
    auto http = monitoring::HttpServer::start(*options.http, {{"/healthz", [this] { return report_.health(); }},
                                                              {"/readyz", [this] { return report_.readiness(); }},
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
    housekeeping_.reset();
    stage_.stop();
    sinks_.stop();
  }

  // Everything is read and checked before anything of it counts.
  absl::StatusOr<v1::ReloadResponse> reload(const std::string& by) {
    const std::lock_guard reloading(reloading_);
    spdlog::info("{} asks to read rules and policy again", by);
    auto rules = load_rules(options_);
    set_rules_problem(rules.status());
    if (!rules.ok()) return rules.status();
    if (policy_source_.has_file()) {
      auto policy = policy_source_.read();
      if (!policy.ok()) return policy.status();
      if (auto status = policy_source_.take_up(*std::move(policy), absl::Now()); !status.ok()) return status;
    }
    {
      const std::lock_guard lock(mutex_);
      rules_ = *rules;
    }
    stage_.set_rules(*rules);
    v1::ReloadResponse response;
    response.set_rules(enabled_rules(**rules));
    if (const auto policy = base_.policies->current(); policy != nullptr) {
      response.set_policy_version(policy->version());
    }
    return response;
  }

  void hang_up() {
    sinks_.reopen();
    const auto reloaded = reload("SIGHUP");
    if (reloaded.ok()) {
      spdlog::info("{} rules are in force", reloaded->rules());
    } else {
      spdlog::error("what runs stays: {}", std::string(reloaded.status().message()));
    }
  }

  std::string listen_address() const { return server_->address().text(); }
  std::string http_address() const { return http_ == nullptr ? std::string() : http_->address().text(); }

 private:
  std::shared_ptr<const detect::RuleSet> current_rules() const {
    const std::lock_guard lock(mutex_);
    return rules_;
  }

  std::vector<std::string> own_problems() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> problems;
    if (!rules_problem_.empty()) problems.push_back(rules_problem_);
    return problems;
  }

  void set_rules_problem(const absl::Status& status) {
    const std::lock_guard lock(mutex_);
    rules_problem_ = status.ok() ? "" : fmt::format("rules were not taken up: {}", std::string(status.message()));
  }

  // Without a policy in force agents are told so.
  void push_policy(const policy::PolicyHistory::Pointer& policy) {
    ingest_.set_policy(policy == nullptr ? v1::AgentPolicy() : policy::for_agents(*policy));
  }

  // By what held when the event happened.
  alerts::Authorisation authorise(const v1::Event& event) {
    const absl::Time time = batch::time_of(event.time());
    const auto policy = base_.policies->at(time);
    if (policy.ok() && *policy != nullptr) {
      const auto bridge_of = [this](const std::string& host_id, const std::string& port) {
        return base_.directory->bridge_of(host_id, port);
      };
      if (auto allowed = policy::permission(**policy, event, bridge_of)) return {.allowed_by = *std::move(allowed)};
    }
    return base_.grants->judge(event);
  }

  // As the policy in force has them.
  grants::Terms terms() const {
    grants::Terms terms;
    const auto policy = base_.policies->current();
    if (policy == nullptr || !policy->has_grants()) return terms;
    const v1::GrantRules& rules = policy->grants();
    if (rules.has_max_duration()) {
      terms.max_duration =
          absl::Seconds(rules.max_duration().seconds()) + absl::Nanoseconds(rules.max_duration().nanos());
    }
    terms.approvals_needed = rules.two_persons() ? 1 : 0;
    return terms;
  }

  void keep_house() {
    // How often a grant was used is known once detection has seen all that there is.
    const absl::Duration grace = stage_.lag_events() == 0 ? kExpiryGrace : kLongestExpiryGrace;
    const absl::Status recorded = base_.grants->record_expiries(absl::Now(), grace);
    if (!recorded.ok()) spdlog::error("the end of a grant cannot be recorded: {}", std::string(recorded.message()));
    const absl::Status shared = base_.directory->tell_shared_volumes(
        [this](v1::Event event) { return base_.own_events->append(std::move(event)).status(); });
    if (!shared.ok()) spdlog::error("a volume that several have cannot be told: {}", std::string(shared.message()));
  }

  const Options options_;
  const Foundation base_;
  std::mutex reloading_;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::shared_ptr<const detect::RuleSet> rules_;
  std::string rules_problem_;
  sinks::Dispatcher sinks_;
  alerts::DetectionStage stage_;
  ingest::Ingest ingest_;
  policy::PolicySource policy_source_;
  const Report report_;
  api::QueryService query_;
  api::ControlService control_;
  std::optional<Housekeeping> housekeeping_;
  net::AddressFile listen_file_;
  net::AddressFile http_file_;
  std::unique_ptr<api::RpcServer> server_;
  std::unique_ptr<monitoring::HttpServer> http_;
  bool stopped_ = false;
};

Collector::Collector(std::unique_ptr<Implementation> implementation) : implementation_(std::move(implementation)) {}

Collector::~Collector() = default;

absl::StatusOr<std::unique_ptr<Collector>> Collector::start(const Options& options) {
  auto rules = load_rules(options);
  if (!rules.ok()) return rules.status();
  auto policy = load_policy(options);
  if (!policy.ok()) return policy.status();
  auto sinks = sinks::make_sinks(options.sinks);
  if (!sinks.ok()) return sinks.status();
  auto foundation = lay_foundation(options);
  if (!foundation.ok()) return foundation.status();
  auto implementation =
      std::make_unique<Implementation>(options, *std::move(rules), *std::move(sinks), *std::move(foundation));
  if (auto status = implementation->start(options, *std::move(policy)); !status.ok()) return status;
  return std::unique_ptr<Collector>(new Collector(std::move(implementation)));
}

void Collector::stop() {
  implementation_->stop();
}

absl::StatusOr<v1::ReloadResponse> Collector::reload(const std::string& by) {
  return implementation_->reload(by);
}

void Collector::hang_up() {
  implementation_->hang_up();
}

std::string Collector::listen_address() const {
  return implementation_->listen_address();
}

std::string Collector::http_address() const {
  return implementation_->http_address();
}

}  // namespace bulkhead::collector
