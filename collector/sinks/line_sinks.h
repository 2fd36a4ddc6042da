// Sinks that are a descriptor: one line of OCSF JSON an alert.
#pragma once

#include <atomic>
#include <string>

#include "collector/sinks/sink.h"

namespace bulkhead::sinks {

// To a descriptor that it does not own. A reader that does not read delays only this sink.
class StdoutSink : public SingleSink {
 public:
  explicit StdoutSink(int descriptor = 1);
  const std::string& description() const override { return description_; }

 protected:
  absl::Status deliver_one(const Delivery& delivery, const std::stop_token& stop) override;

 private:
  const int descriptor_;
  const std::string description_ = "stdout";
  bool torn_ = false;  // the last line is incomplete
};

// Appended to a file that is created with mode 0640 where it does not exist.
class FileSink : public SingleSink {
 public:
  explicit FileSink(std::string path);
  ~FileSink() override;
  const std::string& description() const override { return description_; }
  void reopen() override { reopen_ = true; }

 protected:
  absl::Status deliver_one(const Delivery& delivery, const std::stop_token& stop) override;

 private:
  absl::Status open();
  void close();

  const std::string path_;
  const std::string description_;
  std::atomic<bool> reopen_ = false;
  int descriptor_ = -1;
  bool torn_ = false;  // the last line is incomplete
};

}  // namespace bulkhead::sinks
