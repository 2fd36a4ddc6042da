#include "agent/ledger_watch.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "spdlog/spdlog.h"

namespace bulkhead {

namespace {

constexpr std::chrono::seconds kInterval{1};
// What became clean since is forgotten by a crash: it has to be wiped again for a proof.
constexpr int kSecondsBetweenSaves = 10;

bool sees_blocks(const probes::ProbeSet& probes) {
  return std::ranges::any_of(probes.coverage(), [](const v1::ProbeCoverage& row) {
    return row.probe() == v1::PROBE_DISK_BLOCK_IO && row.state() == v1::PROBE_STATE_ATTACHED;
  });
}

std::uint64_t lost_blocks(const probes::ProbeSet& probes) {
  for (const v1::ProbeCounters& counters : probes.counters()) {
    if (counters.probe() == v1::PROBE_DISK_BLOCK_IO) return counters.lost();
  }
  return 0;
}

}  // namespace

LedgerWatch::LedgerWatch(boost::asio::io_context& io, std::unique_ptr<ledger::LedgerBook> book, Calls calls)
    : book_(std::move(book)), calls_(std::move(calls)), timer_(io) {}

absl::StatusOr<std::unique_ptr<LedgerWatch>> LedgerWatch::open(boost::asio::io_context& io, probes::ProbeSet& probes,
                                                               const storage::HostStorage& storage,
                                                               const std::string& state_dir, const std::string& host_id,
                                                               Calls calls) {
  ledger::Surroundings surroundings;
  surroundings.maps = &probes.ledgers();
  surroundings.storage = &storage;
  if (!state_dir.empty()) surroundings.file = absl::StrCat(state_dir, "/ledgers");
  surroundings.host_id = host_id;
  surroundings.watching = [&probes] { return sees_blocks(probes); };
  surroundings.lost = [&probes] { return lost_blocks(probes); };
  absl::StatusOr<std::unique_ptr<ledger::LedgerBook>> book = ledger::LedgerBook::open(std::move(surroundings));
  if (!book.ok()) return book.status();
  return std::unique_ptr<LedgerWatch>(new LedgerWatch(io, *std::move(book), std::move(calls)));
}

void LedgerWatch::start() {
  timer_.expires_after(kInterval);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error || stopped_) return;
    look();
    start();
  });
}

void LedgerWatch::stop() {
  stopped_ = true;
  timer_.cancel();
  book_->tend();
  tell();
  save();
}

void LedgerWatch::tell() {
  std::vector<ledger::ToldWipe> told = book_->take_told();
  if (told.empty()) return;
  // Once it is told whose volume it was, a restart must not tell it again.
  save();
  calls_.tell(std::move(told));
}

void LedgerWatch::look() {
  const bool again = book_->tend();
  tell();
  if (again) calls_.apply_again();
  if (++seconds_ % kSecondsBetweenSaves == 0) save();
}

void LedgerWatch::save() {
  const std::string problem(book_->save().message());
  if (problem == problem_) return;
  problem_ = problem;
  if (!problem.empty()) spdlog::error("what is left on released volumes cannot be remembered: {}", problem);
}

}  // namespace bulkhead
