#include "collector/ingest/hub.h"

#include <spdlog/spdlog.h>

#include "absl/strings/str_cat.h"
#include "collector/ingest/stream.h"

namespace bulkhead::ingest {

Hub::Hub(store::EventLog& log, store::SequenceLedger& ledger, directory::Directory& directory, Options options)
    : options_(std::move(options)),
      directory_(directory),
      ledger_(ledger),
      writer_(log, ledger, counters_, options_.queue_bytes, [this] { tick(); }) {}

Hub::~Hub() = default;

absl::StatusOr<directory::Directory::Connection> Hub::admit(std::shared_ptr<Stream> stream) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return absl::UnavailableError("the collector is stopping");
  if (streams_.size() >= options_.max_streams) {
    ++counters_.streams_refused;
    return absl::ResourceExhaustedError(absl::StrCat("the collector already has ", streams_.size(), " streams"));
  }
  ++counters_.streams_opened;
  streams_.emplace(++last_connection_, std::move(stream));
  return last_connection_;
}

absl::Status Hub::claim(const v1::Hello& hello, directory::Directory::Connection connection) {
  std::shared_ptr<Stream> older;
  {
    const std::lock_guard lock(mutex_);
    // Under one lock with the speaker, so that directory and hub agree on which of two streams is the newer.
    if (auto status = directory_.connect(hello, connection); !status.ok()) return status;
    auto& speaker = speakers_[hello.host_id()];
    if (const auto found = streams_.find(speaker); found != streams_.end()) older = found->second;
    speaker = connection;
  }
  if (older == nullptr) return absl::OkStatus();
  ++counters_.streams_replaced;
  spdlog::warn(
      "host {}: a second stream takes over from the one of {}; two machines with one host id do this again and again",
      hello.host_id(), older->peer());
  older->end(absl::AbortedError("a newer stream of this host has taken over"));
  return absl::OkStatus();
}

void Hub::remove(directory::Directory::Connection connection, const std::string& host_id) {
  std::shared_ptr<Stream> removed;  // ends outside the lock
  const std::lock_guard lock(mutex_);
  if (const auto found = streams_.find(connection); found != streams_.end()) {
    removed = std::move(found->second);
    streams_.erase(found);
  }
  if (const auto found = speakers_.find(host_id); found != speakers_.end() && found->second == connection) {
    speakers_.erase(found);
    directory_.disconnect(host_id, connection);
  }
  if (streams_.empty()) emptied_.notify_all();
}

std::vector<std::shared_ptr<Stream>> Hub::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Stream>> streams;
  for (const auto& [connection, stream] : streams_) streams.push_back(stream);
  return streams;
}

void Hub::set_policy(std::shared_ptr<const v1::AgentPolicy> policy) {
  {
    const std::lock_guard lock(mutex_);
    policy_ = std::move(policy);
  }
  // Each takes what is the newest then; one that says Hello from here on finds it, too.
  for (const auto& stream : all()) stream->send_policy();
}

std::shared_ptr<const v1::AgentPolicy> Hub::policy() const {
  const std::lock_guard lock(mutex_);
  return policy_;
}

void Hub::tick() {
  for (const auto& stream : all()) stream->tick(std::chrono::steady_clock::now());
}

void Hub::stop(std::chrono::milliseconds timeout) {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  for (const auto& stream : all()) stream->end_when_done(absl::UnavailableError("the collector is stopping"));
  {
    std::unique_lock lock(mutex_);
    emptied_.wait_for(lock, timeout, [&] { return streams_.empty(); });
  }
  writer_.stop();
}

std::size_t Hub::streams() const {
  const std::lock_guard lock(mutex_);
  return streams_.size();
}

}  // namespace bulkhead::ingest
