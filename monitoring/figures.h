// Figures for Prometheus, collected when they are asked for (text exposition format 0.0.4,
// https://prometheus.io/docs/instrumenting/exposition_formats/).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace bulkhead::monitoring {

// Label names and values. Values may be any text: what peers call themselves is escaped.
using Labels = std::vector<std::pair<std::string, std::string>>;

// One family a name: give the same help and kind with it each time. Names of counters end in _total; units are in the
// name (_seconds, _bytes). Not thread safe.
class Figures {
 public:
  Figures();
  ~Figures();
  Figures(Figures&&) noexcept;
  Figures& operator=(Figures&&) noexcept;

  // Only grows until the process ends.
  void counter(const std::string& name, const std::string& help, double value, const Labels& labels = {});
  void gauge(const std::string& name, const std::string& help, double value, const Labels& labels = {});

  std::string text() const;

 private:
  class Families;
  std::unique_ptr<Families> families_;
};

// Of this process, by the names that Prometheus's client libraries give them: process_resident_memory_bytes,
// process_cpu_seconds_total, process_start_time_seconds, process_open_fds. What /proc does not say is left out.
void add_process(Figures& figures);

}  // namespace bulkhead::monitoring
