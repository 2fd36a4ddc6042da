// Where alerts go besides the store.
#pragma once

#include <cstddef>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "collector/sinks/delivery.h"

namespace bulkhead::sinks {

// Of one thread, its feeder's; only reopen() may be called from any.
class Sink {
 public:
  virtual ~Sink() = default;

  // For problems and logs, such as "stdout" or "webhook https://siem.example/alerts".
  virtual const std::string& description() const = 0;

  // Deliveries that it likes to be given at once.
  virtual std::size_t batch_size() const { return 1; }

  // Delivers in order. For each delivery:
  //   ok                the peer has confirmed it
  //   kInvalidArgument  the peer refuses this alert for good, and why
  //   any other error   it is not known to have arrived; it will be given again, unchanged, after the pause that the
  //                     error carries (pause.h), if that is longer than the feeder's own
  // Returns within a tenth of a second of the stop being requested.
  virtual std::vector<absl::Status> deliver(std::span<const Delivery> deliveries, const std::stop_token& stop) = 0;

  // Called at least every 100 ms or so while deliveries succeed or nothing waits: for what a peer has to be told again
  // and again. Bound by the stop as deliver() is.
  virtual absl::Status keep_up(const std::stop_token&) { return absl::OkStatus(); }

  // Whether remember() is to be called at the start with each alert that is open.
  virtual bool wants_open_alerts() const { return false; }
  virtual void remember(const v1::Alert&) {}

  // The file behind it may have been moved away (log rotation). Thread safe.
  virtual void reopen() {}
};

// A sink that is given one alert at a time.
class SingleSink : public Sink {
 public:
  std::vector<absl::Status> deliver(std::span<const Delivery> deliveries, const std::stop_token& stop) final;

 protected:
  virtual absl::Status deliver_one(const Delivery& delivery, const std::stop_token& stop) = 0;
};

}  // namespace bulkhead::sinks
