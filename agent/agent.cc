#include "agent/agent.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <csignal>

#include "absl/strings/str_cat.h"
#include "agent/attribute/attributor.h"
#include "agent/config/host_id.h"
#include "agent/control_watch.h"
#include "agent/guard/guard.h"
#include "agent/health_watch.h"
#include "agent/inventory/chain_reader.h"
#include "agent/inventory/libvirt_inventory.h"
#include "agent/ledger_watch.h"
#include "agent/libvirt_options.h"
#include "agent/mapping/mapping_watch.h"
#include "agent/monitor.h"
#include "agent/ownership/ownership.h"
#include "agent/policy_watch.h"
#include "agent/probes/probe_set.h"
#include "agent/record_reader.h"
#include "agent/spool/clock.h"
#include "agent/spool/spool.h"
#include "agent/statements.h"
#include "agent/stream/stream.h"
#include "agent/sweeper.h"
#include "spdlog/spdlog.h"

namespace bulkhead {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

namespace {

// While a record waits for a name, and while an image is still being made.
constexpr milliseconds kWaitingInterval{5};
constexpr seconds kIncompleteInterval{2};
// While a VMM has something open that its domain does not declare, so far.
constexpr milliseconds kUndeclaredInterval{100};
constexpr seconds kDrainTimeout{5};

}  // namespace

// Everything but libvirt's, the chain reader's, the stream's and the sweeper's own threads runs on the thread of run().
class Agent::Impl {
 public:
  explicit Impl(const config::Config& config) : config_(config) {}

  absl::Status open();
  void run();

 private:
  void tell_coverage();
  void take(std::vector<decode::Record>& records);
  void dispatch(decode::Record record, steady_clock::time_point now);
  void tell_what_is_ready();
  void append(std::vector<v1::Event> events);
  void apply(std::shared_ptr<const inventory::Snapshot> snapshot);
  void arm_waiting_timer();
  absl::Status open_ledgers();
  absl::Status open_inventory();
  absl::Status open_monitor();
  void use_policy();
  void stop(int signal);

  const config::Config config_;
  asio::io_context io_;
  asio::signal_set signals_{io_};
  asio::steady_timer waiting_timer_{io_};
  asio::steady_timer incomplete_timer_{io_};

  std::unique_ptr<probes::ProbeSet> probes_;
  std::unique_ptr<ownership::Ownership> ownership_;
  std::unique_ptr<attribute::Attributor> attributor_;
  std::unique_ptr<PolicyWatch> policy_;
  std::string host_id_;

  std::unique_ptr<RecordReader> reader_;
  std::unique_ptr<ControlWatch> control_watch_;
  std::unique_ptr<guard::Guard> guard_;
  std::unique_ptr<Sweeper> sweeper_;
  std::unique_ptr<MappingWatch> mapping_watch_;
  std::unique_ptr<spool::Spool> spool_;
  std::unique_ptr<HealthWatch> health_;
  std::unique_ptr<LedgerWatch> ledgers_;
  std::unique_ptr<stream::Stream> stream_;
  std::unique_ptr<inventory::ChainReader> chains_;
  std::unique_ptr<inventory::LibvirtInventory> inventory_;

  steady_clock::time_point next_declaration_{};
  std::shared_ptr<const inventory::Snapshot> snapshot_;
  bool waiting_timer_armed_ = false;
  std::string spool_problem_;

  std::unique_ptr<Monitor> monitor_;
};

absl::Status Agent::Impl::open() {
  absl::StatusOr<std::unique_ptr<probes::ProbeSet>> probes =
      probes::ProbeSet::load({.ring_kib_per_cpu = config_.ring_kib_per_cpu, .sweeps = config_.sweep.is_on()});
  if (!probes.ok()) return probes.status();
  probes_ = *std::move(probes);
  reader_ =
      std::make_unique<RecordReader>(io_, *probes_, [this](std::vector<decode::Record>& records) { take(records); });
  control_watch_ = std::make_unique<ControlWatch>(io_, *probes_, [this] { tell_coverage(); });
  control_watch_->look();

  absl::StatusOr<std::string> host_id = config::resolve_host_id(config_);
  if (!host_id.ok()) return absl::InvalidArgumentError(host_id.status().message());
  host_id_ = *host_id;
  const std::string this_boot = boot_id();
  absl::StatusOr<std::unique_ptr<spool::Spool>> spool = spool::Spool::open({.dir = config_.state_dir + "/spool",
                                                                            .host_id = host_id_,
                                                                            .boot_id = this_boot,
                                                                            .max_bytes = config_.spool.max_mib << 20});
  if (!spool.ok()) return absl::InvalidArgumentError(spool.status().message());
  spool_ = *std::move(spool);

  const v1::Hello hello = make_hello(host_id_, this_boot, coverage_of(*probes_));
  guard_ = std::make_unique<guard::Guard>(
      io_, *probes_,
      guard::Options{.state_dir = config_.state_dir, .interval = config_.self_check_interval, .run = run_of(hello)},
      [this](std::vector<v1::Event> events) { append(std::move(events)); }, [this] { tell_coverage(); });
  policy_ = std::make_unique<PolicyWatch>(io_, config_.state_dir,
                                          policy::HostNames{.host_id = hello.host_id(), .hostname = hello.hostname()},
                                          [this] { use_policy(); });
  absl::StatusOr<std::unique_ptr<ownership::Ownership>> ownership =
      ownership::Ownership::create(probes_->ownership(), config_.state_dir,
                                   policy::trusted_services_of(policy_->current(), config_), config_.vmm_files);
  if (!ownership.ok()) return absl::InvalidArgumentError(ownership.status().message());
  ownership_ = *std::move(ownership);
  if (absl::Status status = open_ledgers(); !status.ok()) return status;
  ownership_->set_base_images(policy_->current().base_images);
  attributor_ = std::make_unique<attribute::Attributor>(*ownership_);
  mapping_watch_ = std::make_unique<MappingWatch>(io_, *ownership_, [this](decode::MappingRecord record) {
    attributor_->take(std::move(record), steady_clock::now());
    arm_waiting_timer();
  });
  sweeper_ = std::make_unique<Sweeper>(io_, probes_->host_sweep(), *ownership_, config_.sweep.interval);

  snapshot_ = std::make_shared<inventory::Snapshot>();
  health::Sources sources = {
      .counters =
          [this] {
            std::vector<v1::ProbeCounters> counters = probes_->counters();
            for (v1::ProbeCounters& one : counters) one.set_decoded(reader_->decoded(one.probe()));
            return counters;
          },
      .malformed = [this] { return reader_->malformed(); },
      .spool = [this] { return spool_->statistics(); },
      .inventory = [this] { return health::InventoryState{snapshot_->connected, snapshot_->error}; },
      .policy_sha256 = [this] { return policy_->current().sha256; },
      .resident_bytes = [] { return health::resident_bytes(); },
  };
  health_ = std::make_unique<HealthWatch>(io_, std::move(sources), config_.health_interval,
                                          [this](std::vector<v1::Event> losses) { append(std::move(losses)); });
  health_->report();

  absl::StatusOr<std::unique_ptr<stream::Stream>> stream =
      stream::Stream::start({.collector = config_.collector,
                             .hello = hello,
                             .allow_plaintext = config_.allow_plaintext,
                             .health = [this] { return health_->latest(); },
                             .health_interval = config_.health_interval,
                             .policy = [this](v1::AgentPolicy pushed) { policy_->take_pushed(std::move(pushed)); }},
                            *spool_);
  if (!stream.ok()) return stream.status();
  stream_ = *std::move(stream);

  if (absl::Status status = open_inventory(); !status.ok()) return status;
  return open_monitor();
}

absl::Status Agent::Impl::open_ledgers() {
  const auto tell = [this](const std::vector<ledger::ToldWipe>& told) {
    std::vector<v1::Event> events;
    for (const ledger::ToldWipe& one : told) events.push_back(wipe_event(one, ownership_->registry()));
    append(std::move(events));
  };
  absl::StatusOr<std::unique_ptr<LedgerWatch>> ledgers = LedgerWatch::open(
      io_, *probes_, ownership_->storage(), config_.state_dir, host_id_, {tell, [this] { apply(snapshot_); }});
  if (!ledgers.ok()) return absl::InvalidArgumentError(ledgers.status().message());
  ledgers_ = *std::move(ledgers);
  ownership_->keep_ledgers(ledgers_->book());
  return absl::OkStatus();
}

absl::Status Agent::Impl::open_inventory() {
  chains_ = std::make_unique<inventory::ChainReader>(inventory::ChainReaderOptions{},
                                                     [this] { asio::post(io_, [this] { apply(snapshot_); }); });
  inventory::LibvirtOptions options = libvirt_options(config_);
  options.tenant_rules = policy::tenant_rules_of(policy_->current(), config_);
  absl::StatusOr<std::unique_ptr<inventory::LibvirtInventory>> inventory = inventory::LibvirtInventory::start(
      std::move(options), [this](std::shared_ptr<const inventory::Snapshot> snapshot) {
        asio::post(io_, [this, snapshot = std::move(snapshot)]() mutable { apply(std::move(snapshot)); });
      });
  if (!inventory.ok()) return inventory.status();
  inventory_ = *std::move(inventory);
  return absl::OkStatus();
}

absl::Status Agent::Impl::open_monitor() {
  if (config_.http.empty()) return absl::OkStatus();
  absl::StatusOr<std::unique_ptr<Monitor>> monitor = Monitor::start(config_.http, config_.state_dir,
                                                                    {.host_id = host_id_,
                                                                     .coverage = probes_->coverage(),
                                                                     .health = [this] { return health_->latest(); },
                                                                     .spool = [this] { return spool_->statistics(); },
                                                                     .stream = [this] { return stream_->state(); }});
  // An address in use is the operator's to mend.
  if (!monitor.ok()) return absl::InvalidArgumentError(monitor.status().message());
  monitor_ = *std::move(monitor);
  return absl::OkStatus();
}

void Agent::Impl::run() {
  signals_.add(SIGINT);
  signals_.add(SIGTERM);
  signals_.async_wait([this](const boost::system::error_code& error, int signal) {
    if (!error) stop(signal);
  });
  reader_->start();
  health_->start();
  ledgers_->start();
  guard_->start();
  control_watch_->start();
  mapping_watch_->start();
  const auto attached = std::count_if(probes_->coverage().begin(), probes_->coverage().end(),
                                      [](const auto& row) { return row.state() == v1::PROBE_STATE_ATTACHED; });
  spdlog::info("watching with {} of {} hooks", attached, probes_->coverage().size());
  io_.run();
}

void Agent::Impl::tell_coverage() {
  const v1::Coverage coverage = coverage_of(*probes_);
  guard_->cover(coverage);
  if (absl::Status status = stream_->set_coverage(coverage); !status.ok()) {
    spdlog::error("the coverage cannot be sent: {}", std::string(status.message()));
  }
}

void Agent::Impl::take(std::vector<decode::Record>& records) {
  const auto now = steady_clock::now();
  for (decode::Record& record : records) dispatch(std::move(record), now);
  tell_what_is_ready();
}

void Agent::Impl::dispatch(decode::Record record, steady_clock::time_point now) {
  if (const auto* lifecycle = std::get_if<decode::LifecycleRecord>(&record)) {
    if (lifecycle->change == decode::LifecycleRecord::Change::kEmulatorExec) {
      ownership_->starting().begin({lifecycle->header.actor_key.tgid, lifecycle->header.actor_key.start_ns}, now);
    }
    return;
  }
  if (const auto* canary = std::get_if<decode::CanaryRecord>(&record)) {
    guard_->take(*canary);
    return;
  }
  if (auto* mapping = std::get_if<decode::MappingRecord>(&record)) {
    mapping_watch_->take(std::move(*mapping));
    return;
  }
  attributor_->take(std::move(record), now);
}

void Agent::Impl::tell_what_is_ready() {
  const auto now = steady_clock::now();
  // There is none any more when the last records are read, at the agent's end.
  if (inventory_ != nullptr) {
    const auto identify = [this](std::uint32_t pid) { return inventory_->identify_vmm(pid); };
    if (ownership_->starting().waiting()) ownership_->settle_starting(identify, now);
    if (now >= next_declaration_) {
      next_declaration_ = now + kUndeclaredInterval;
      ownership_->declare_again(attributor_->undeclared(), identify);
    }
  }
  const spool::Moment moment = spool::now();
  append(attributor_->ready(now, moment.wall_ns - static_cast<std::int64_t>(moment.boot_ns)));
  if (attributor_->waiting() || ownership_->starting().waiting()) arm_waiting_timer();
}

void Agent::Impl::append(std::vector<v1::Event> events) {
  if (events.empty()) return;
  for (v1::Event& event : events) {
    if (event.object().kind() == v1::OBJECT_KIND_AGENT) event.mutable_object()->set_id(host_id_);
  }
  const absl::Status status = spool_->append(std::move(events));
  const std::string problem(status.message());
  if (problem == spool_problem_) return;
  spool_problem_ = problem;
  if (!status.ok()) spdlog::error("events are being dropped and counted: {}", problem);
}

void Agent::Impl::arm_waiting_timer() {
  if (std::exchange(waiting_timer_armed_, true)) return;
  waiting_timer_.expires_after(kWaitingInterval);
  waiting_timer_.async_wait([this](const boost::system::error_code& error) {
    waiting_timer_armed_ = false;
    if (!error) tell_what_is_ready();
  });
}

void Agent::Impl::apply(std::shared_ptr<const inventory::Snapshot> snapshot) {
  if (snapshot->connected != snapshot_->connected) {
    if (snapshot->connected) {
      spdlog::info("libvirt answers: {} domains", snapshot->domains.size());
    } else {
      spdlog::warn("libvirt does not answer; ownership stays as last known: {}", snapshot->error);
    }
  }
  snapshot_ = std::move(snapshot);
  // Before the first scan there is nothing to apply, and what was known must not be forgotten.
  if (!snapshot_->connected && snapshot_->domains.empty()) return;
  inventory::Snapshot with_chains = *snapshot_;
  chains_->fill(with_chains);
  ownership::Applied applied = ownership_->apply(with_chains);
  stamp(spool::now(), applied.inventory.mutable_time());
  if (absl::Status status = stream_->set_inventory(std::move(applied.inventory)); !status.ok()) {
    spdlog::error("the inventory cannot be sent: {}", std::string(status.message()));
  }
  std::vector<v1::Event> changes;
  for (const ownership::TenantChanged& change : applied.tenant_changes) {
    changes.push_back(tenant_change_event(change, ownership_->registry()));
  }
  for (const ownership::ForeignClaim& foreign : applied.foreign_claims) {
    changes.push_back(foreign_claim_event(foreign, ownership_->registry()));
  }
  append(std::move(changes));
  ledgers_->tell();
  mapping_watch_->tell(applied.alias_changes);
  tell_what_is_ready();
  sweeper_->ownership_changed();
  if (!applied.incomplete) return;
  incomplete_timer_.expires_after(kIncompleteInterval);
  incomplete_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) apply(snapshot_);
  });
}

void Agent::Impl::use_policy() {
  ownership_->set_trusted_services(policy::trusted_services_of(policy_->current(), config_));
  ownership_->set_base_images(policy_->current().base_images);
  asio::post(io_, [this] { apply(snapshot_); });
  // Changes of tenants come back as a snapshot.
  if (inventory_ != nullptr) inventory_->set_tenant_rules(policy::tenant_rules_of(policy_->current(), config_));
  health_->report();
}

void Agent::Impl::stop(int signal) {
  spdlog::info("stopping");
  control_watch_->stop();
  sweeper_->stop();
  mapping_watch_->stop();
  waiting_timer_.cancel();
  incomplete_timer_.cancel();
  health_->stop();
  ledgers_->stop();
  reader_->stop();
  monitor_.reset();
  inventory_.reset();
  chains_.reset();
  reader_->drain();
  // What waits for a name goes without it.
  const spool::Moment moment = spool::now();
  append(
      attributor_->ready(steady_clock::time_point::max(), moment.wall_ns - static_cast<std::int64_t>(moment.boot_ns)));
  guard_->stop(signal);
  health_->report();
  if (!stream_->drain(kDrainTimeout)) {
    spdlog::warn("{} events stay in the spool", spool_->statistics().unacknowledged_events);
  }
  io_.stop();
}

Agent::Agent(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Agent::~Agent() = default;

absl::StatusOr<std::unique_ptr<Agent>> Agent::create(const config::Config& config) {
  auto impl = std::make_unique<Impl>(config);
  if (absl::Status status = impl->open(); !status.ok()) return status;
  return std::unique_ptr<Agent>(new Agent(std::move(impl)));
}

void Agent::run() {
  impl_->run();
}

}  // namespace bulkhead
