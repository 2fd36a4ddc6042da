#include "agent/inventory/libvirt_inventory.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <system_error>
#include <thread>

#include "agent/inventory/domain_table.h"
#include "agent/inventory/libvirt_connection.h"
#include "agent/inventory/vmm_process.h"

namespace bulkhead::inventory {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// A burst of events makes at most one callback in this time; the first of a burst does not wait.
constexpr milliseconds kPublishInterval{5};
// A VMM that is not there yet is looked for again after this time, doubled each time up to the limit.
constexpr milliseconds kVmmRetryFirst{10};
constexpr milliseconds kVmmRetryLast{1'000};
constexpr int kVmmRetries = 12;

std::atomic<bool> instance_lives = false;

}  // namespace

class LibvirtInventory::Impl {
 public:
  Impl(LibvirtOptions options, Callback callback);
  ~Impl();

  absl::Status start();
  std::shared_ptr<const Snapshot> snapshot() const;
  VmmIdentity identify_vmm(std::uint32_t pid);
  void refresh(std::string uuid);
  void set_tenant_rules(std::vector<config::TenantRule> rules);

 private:
  // What other threads ask for.
  struct Requests {
    std::set<std::string> uuids;
    std::set<std::string> names;
    std::optional<std::vector<config::TenantRule>> rules;
  };
  // A domain to be asked about.
  struct Task {
    Clock::time_point due;
    int attempt = 0;
  };

  void wake();
  void run();
  void step();
  void take_requests();
  void connect();
  void lose_connection(const std::string& why);
  void scan();
  void update(const std::string& uuid, int attempt);
  void put(const DomainFacts& facts, int attempt);
  void schedule(const std::string& uuid, int attempt);
  void publish();
  int next_timeout() const;
  std::string volume_path(const std::string& pool_and_volume);

  const LibvirtOptions options_;
  const Callback callback_;
  const VmmProcesses processes_;

  mutable std::mutex mutex_;
  Requests requests_;                                // guarded by mutex_
  std::shared_ptr<const Snapshot> snapshot_;         // guarded by mutex_
  std::map<std::string, std::string> uuid_by_name_;  // guarded by mutex_

  int wake_fd_ = -1;
  std::atomic<bool> stopping_ = false;

  // The rest belongs to the thread.
  DomainTable table_;
  std::unique_ptr<LibvirtConnection> connection_;
  bool closed_ = false;  // libvirt said that the connection is gone
  std::string error_ = "not connected yet";
  std::map<std::string, Task> tasks_;  // by uuid
  Clock::time_point next_attempt_{};
  Clock::time_point next_scan_{};
  Clock::time_point next_publish_{};
  milliseconds backoff_;
  bool attempted_ = false;  // a snapshot before the first attempt would say nothing
  bool changed_ = false;
  bool forced_ = false;  // a callback was promised
  std::thread thread_;
};

LibvirtInventory::Impl::Impl(LibvirtOptions options, Callback callback)
    : options_(std::move(options)),
      callback_(std::move(callback)),
      processes_(options_.run_dir),
      table_(processes_, options_.tenant_rules, options_.opennebula),
      backoff_(options_.reconnect_first) {
  auto first = std::make_shared<Snapshot>();
  first->error = error_;
  snapshot_ = std::move(first);
}

LibvirtInventory::Impl::~Impl() {
  stopping_ = true;
  if (wake_fd_ >= 0) wake();
  if (thread_.joinable()) thread_.join();
  if (wake_fd_ >= 0) ::close(wake_fd_);
}

absl::Status LibvirtInventory::Impl::start() {
  if (auto status = prepare_libvirt(); !status.ok()) return status;
  wake_fd_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_fd_ < 0) return absl::ErrnoToStatus(errno, "cannot make an eventfd");
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error& error) {
    return absl::ResourceExhaustedError(fmt::format("cannot start the inventory's thread: {}", error.what()));
  }
  return absl::OkStatus();
}

void LibvirtInventory::Impl::wake() {
  const std::uint64_t one = 1;
  // Fails only when the counter is full, and then the thread is to wake anyway.
  static_cast<void>(::write(wake_fd_, &one, sizeof one) == sizeof one);
}

std::shared_ptr<const Snapshot> LibvirtInventory::Impl::snapshot() const {
  const std::lock_guard lock(mutex_);
  return snapshot_;
}

void LibvirtInventory::Impl::refresh(std::string uuid) {
  {
    const std::lock_guard lock(mutex_);
    requests_.uuids.insert(std::move(uuid));
  }
  wake();
}

void LibvirtInventory::Impl::set_tenant_rules(std::vector<config::TenantRule> rules) {
  {
    const std::lock_guard lock(mutex_);
    requests_.rules = std::move(rules);
  }
  wake();
}

VmmIdentity LibvirtInventory::Impl::identify_vmm(std::uint32_t pid) {
  const auto found = processes_.identify(pid);
  VmmIdentity identity;
  if (found.verdict != VmmProcesses::Verdict::kVmm) {
    const bool open = found.verdict == VmmProcesses::Verdict::kNotYetKnown;
    identity.verdict = open ? VmmIdentity::Verdict::kNotYetKnown : VmmIdentity::Verdict::kNotADomain;
    identity.reason = found.reason;
    return identity;
  }
  identity.verdict = VmmIdentity::Verdict::kDomain;
  identity.domain_uuid = found.process.uuid;
  identity.domain_name = name_for_people(found.process.name);
  identity.start_ticks = found.process.start_ticks;
  identity.host_files = found.process.host_files;
  {
    const std::lock_guard lock(mutex_);
    const auto& domains = snapshot_->domains;
    const auto domain = std::lower_bound(domains.begin(), domains.end(), identity.domain_uuid,
                                         [](const Domain& d, const std::string& uuid) { return d.uuid < uuid; });
    const bool known = domain != domains.end() && domain->uuid == identity.domain_uuid;
    if (known) identity.tenant = domain->tenant;
    const auto named = uuid_by_name_.find(found.process.name);
    const bool consistent = named != uuid_by_name_.end() && named->second == identity.domain_uuid;
    if (known && consistent && domain->vmm_pid == pid) return identity;
    requests_.names.insert(found.process.name);
  }
  wake();
  return identity;
}

void LibvirtInventory::Impl::run() {
  const int watch = virEventAddHandle(
      wake_fd_, VIR_EVENT_HANDLE_READABLE,
      [](int, int fd, int, void*) {
        std::uint64_t count = 0;
        static_cast<void>(::read(fd, &count, sizeof count) == sizeof count);
      },
      nullptr, nullptr);
  const int timer = virEventAddTimeout(-1, [](int, void*) {}, nullptr, nullptr);
  while (!stopping_) {
    step();
    virEventUpdateTimeout(timer, next_timeout());
    if (!stopping_ && virEventRunDefaultImpl() != 0) {
      spdlog::error("inventory: libvirt's event loop failed");
      std::this_thread::sleep_for(options_.reconnect_first);
    }
  }
  connection_.reset();
  virEventRemoveTimeout(timer);
  virEventRemoveHandle(watch);
}

void LibvirtInventory::Impl::step() {
  take_requests();
  if (connection_ != nullptr && (closed_ || !connection_->is_alive())) lose_connection("the connection was closed");
  if (connection_ == nullptr && Clock::now() >= next_attempt_) connect();
  if (connection_ != nullptr && Clock::now() >= next_scan_) scan();
  while (connection_ != nullptr && !stopping_) {
    const auto now = Clock::now();
    const auto task = std::find_if(tasks_.begin(), tasks_.end(), [now](const auto& t) { return t.second.due <= now; });
    if (task == tasks_.end()) break;
    const auto [uuid, work] = *task;
    tasks_.erase(task);
    update(uuid, work.attempt);
    // A long row of tasks must not hold back what is known already.
    publish();
  }
  publish();
}

void LibvirtInventory::Impl::take_requests() {
  Requests requests;
  {
    const std::lock_guard lock(mutex_);
    std::swap(requests, requests_);
  }
  if (requests.rules) {
    table_.set_rules(*std::move(requests.rules));
    changed_ = true;
  }
  for (const std::string& uuid : requests.uuids) schedule(uuid, 0);
  if (!requests.uuids.empty()) forced_ = true;
  for (const std::string& name : requests.names) {
    if (connection_ == nullptr) break;
    if (const auto uuid = connection_->uuid_of(name); uuid.ok()) schedule(*uuid, 0);
  }
}

void LibvirtInventory::Impl::connect() {
  LibvirtConnection::Listener listener;
  listener.changed = [this](const std::string& uuid) { schedule(uuid, 0); };
  listener.closed = [this] { closed_ = true; };
  closed_ = false;
  auto connection = LibvirtConnection::open(options_.uri, std::move(listener));
  if (!connection.ok()) {
    std::string why(connection.status().message());
    if (!attempted_ || why != error_) spdlog::warn("inventory: libvirt cannot be reached, trying on: {}", why);
    changed_ = changed_ || !attempted_ || why != error_;
    attempted_ = true;
    error_ = std::move(why);
    next_attempt_ = Clock::now() + backoff_;
    backoff_ = std::min(backoff_ * 2, options_.reconnect_last);
    return;
  }
  connection_ = *std::move(connection);
  next_scan_ = Clock::time_point{};
}

void LibvirtInventory::Impl::lose_connection(const std::string& why) {
  connection_.reset();
  closed_ = false;
  tasks_.clear();  // the scan after the next connection sees all
  error_ = fmt::format("{}: {}", options_.uri, why);
  spdlog::warn("inventory: lost libvirt, keeping what was known: {}", error_);
  changed_ = true;
  next_attempt_ = Clock::now() + backoff_;
}

void LibvirtInventory::Impl::scan() {
  // What was scheduled before the scan is answered by it; what is scheduled meanwhile stays.
  tasks_.clear();
  const auto all = connection_->describe_all();
  if (!all.ok()) {
    lose_connection(std::string(all.status().message()));
    backoff_ = std::min(backoff_ * 2, options_.reconnect_last);
    return;
  }
  std::set<std::string> uuids;
  for (const DomainFacts& facts : *all) {
    uuids.insert(facts.uuid);
    put(facts, 0);
  }
  table_.retain(uuids);
  if (!error_.empty()) spdlog::info("inventory: connected to {}: {} domains", options_.uri, uuids.size());
  error_.clear();
  attempted_ = true;
  changed_ = true;
  backoff_ = options_.reconnect_first;
  next_scan_ = Clock::now() + options_.rescan_interval;
}

void LibvirtInventory::Impl::update(const std::string& uuid, int attempt) {
  const auto facts = connection_->describe(uuid);
  if (facts.ok()) {
    put(*facts, attempt);
  } else if (absl::IsNotFound(facts.status())) {
    table_.remove(uuid);
  } else if (!connection_->is_alive()) {
    lose_connection(std::string(facts.status().message()));
  } else {
    spdlog::warn("inventory: {}", std::string(facts.status().message()));
    if (attempt < kVmmRetries) schedule(uuid, attempt + 1);
  }
  changed_ = true;
}

void LibvirtInventory::Impl::put(const DomainFacts& facts, int attempt) {
  const bool incomplete = table_.put(facts, [this](const std::string& name) { return volume_path(name); });
  if (incomplete && attempt < kVmmRetries) schedule(facts.uuid, attempt + 1);
}

void LibvirtInventory::Impl::schedule(const std::string& uuid, int attempt) {
  Task task{.due = Clock::now(), .attempt = attempt};
  if (attempt > 0) task.due += std::min(kVmmRetryFirst * (1 << (attempt - 1)), kVmmRetryLast);
  const auto [known, added] = tasks_.emplace(uuid, task);
  if (!added && task.due < known->second.due) known->second = task;
}

std::string LibvirtInventory::Impl::volume_path(const std::string& pool_and_volume) {
  const auto path = connection_->volume_path(pool_and_volume);
  return path.ok() ? *path : pool_and_volume;
}

void LibvirtInventory::Impl::publish() {
  if (!attempted_ || (!changed_ && !forced_) || Clock::now() < next_publish_) return;
  auto next = std::make_shared<Snapshot>();
  next->domains = table_.domains();
  next->connected = connection_ != nullptr;
  next->error = next->connected ? table_.problem() : error_;
  const bool owed = std::exchange(forced_, false);
  changed_ = false;
  {
    const std::lock_guard lock(mutex_);
    const bool same = next->domains == snapshot_->domains && next->connected == snapshot_->connected &&
                      next->error == snapshot_->error;
    if (same && !owed) return;
    snapshot_ = next;
    uuid_by_name_ = table_.uuids_by_name();
  }
  next_publish_ = Clock::now() + kPublishInterval;
  callback_(std::move(next));
}

// Milliseconds until step() has something to do; -1 when it does not know.
int LibvirtInventory::Impl::next_timeout() const {
  Clock::time_point next = connection_ == nullptr ? next_attempt_ : next_scan_;
  if (connection_ != nullptr) {
    for (const auto& [uuid, task] : tasks_) next = std::min(next, task.due);
  }
  if (attempted_ && (changed_ || forced_)) next = std::min(next, next_publish_);
  const auto wait = std::chrono::ceil<milliseconds>(next - Clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(wait.count(), 0, 3'600'000));
}

absl::StatusOr<std::unique_ptr<LibvirtInventory>> LibvirtInventory::start(LibvirtOptions options, Callback callback) {
  if (instance_lives.exchange(true)) {
    return absl::FailedPreconditionError("another inventory runs libvirt's event loop in this process");
  }
  std::unique_ptr<LibvirtInventory> inventory(
      new LibvirtInventory(std::make_unique<Impl>(std::move(options), std::move(callback))));
  if (auto status = inventory->impl_->start(); !status.ok()) return status;
  return inventory;
}

LibvirtInventory::LibvirtInventory(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

LibvirtInventory::~LibvirtInventory() {
  // The thread must have left the event loop before another instance may enter it.
  impl_.reset();
  instance_lives = false;
}

std::shared_ptr<const Snapshot> LibvirtInventory::snapshot() const {
  return impl_->snapshot();
}

VmmIdentity LibvirtInventory::identify_vmm(std::uint32_t pid) {
  return impl_->identify_vmm(pid);
}

void LibvirtInventory::refresh(std::string_view uuid) {
  impl_->refresh(std::string(uuid));
}

void LibvirtInventory::set_tenant_rules(std::vector<config::TenantRule> rules) {
  impl_->set_tenant_rules(std::move(rules));
}

}  // namespace bulkhead::inventory
