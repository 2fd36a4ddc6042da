// Keeps the ledgers of block volumes that change hands: looks at them every second, tells what there is to tell, and
// keeps them on disk.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/ledger/ledger_book.h"
#include "agent/probes/probe_set.h"

namespace bulkhead {

// Belongs to the thread that runs `io`.
class LedgerWatch {
 public:
  struct Calls {
    std::function<void(std::vector<ledger::ToldWipe>)> tell;
    // The volumes' owners are to be applied again.
    std::function<void()> apply_again;
  };

  // `probes` and `storage` outlive this. An empty `state_dir`: nothing is remembered. DataLoss when what was remembered
  // is damaged.
  static absl::StatusOr<std::unique_ptr<LedgerWatch>> open(boost::asio::io_context& io, probes::ProbeSet& probes,
                                                           const storage::HostStorage& storage,
                                                           const std::string& state_dir, const std::string& host_id,
                                                           Calls calls);

  void start();
  // Saves for the last time.
  void stop();

  ledger::LedgerBook& book() { return *book_; }
  // What following a new inventory had to say.
  void tell();

 private:
  LedgerWatch(boost::asio::io_context& io, std::unique_ptr<ledger::LedgerBook> book, Calls calls);
  void look();
  void save();

  std::unique_ptr<ledger::LedgerBook> book_;
  const Calls calls_;
  boost::asio::steady_timer timer_;
  int seconds_ = 0;
  bool stopped_ = false;
  std::string problem_;
};

}  // namespace bulkhead
