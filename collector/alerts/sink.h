// Where alerts go besides the store.
#pragma once

#include <atomic>
#include <stop_token>
#include <string>

#include "absl/status/status.h"
#include "bulkhead/v1/alert.pb.h"
#include "collector/alerts/ocsf.h"

namespace bulkhead::alerts {

// Each sink is fed by a thread of its own, so a slow one holds back neither detection nor other sinks.
class Sink {
 public:
  virtual ~Sink() = default;

  // For problems and logs, such as "stdout" or "file /var/log/bulkhead/alerts.json".
  virtual const std::string& name() const = 0;

  // Delivers one alert whole, or says why not; it is then given again later. Returns soon after a stop is requested.
  virtual absl::Status deliver(const v1::Alert& alert, Activity activity, const std::stop_token& stop) = 0;

  // The file behind it may have been moved away (log rotation). Thread safe, also against deliver().
  virtual void reopen() {}
};

// One OCSF line per alert to a descriptor that it does not own. A reader that does not read delays only this sink.
class StdoutSink : public Sink {
 public:
  explicit StdoutSink(int descriptor = 1);
  const std::string& name() const override { return name_; }
  absl::Status deliver(const v1::Alert& alert, Activity activity, const std::stop_token& stop) override;

 private:
  const int descriptor_;
  const std::string name_ = "stdout";
  bool torn_ = false;  // the last line is incomplete
};

// One OCSF line per alert, appended to a file that is created with mode 0640 where it does not exist.
class FileSink : public Sink {
 public:
  explicit FileSink(std::string path);
  ~FileSink() override;
  const std::string& name() const override { return name_; }
  absl::Status deliver(const v1::Alert& alert, Activity activity, const std::stop_token& stop) override;
  void reopen() override { reopen_ = true; }

 private:
  absl::Status open();
  void close();

  const std::string path_;
  const std::string name_;
  std::atomic<bool> reopen_ = false;
  int descriptor_ = -1;
  bool torn_ = false;  // the last line is incomplete
};

}  // namespace bulkhead::alerts
