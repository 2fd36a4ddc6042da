#include "monitoring/figures.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

namespace bulkhead::monitoring {

class Figures::Families {
 public:
  prometheus::ClientMetric& add(const std::string& name, const std::string& help, prometheus::MetricType type,
                                const Labels& labels) {
    const auto [entry, is_new] = by_name_.try_emplace(name, families_.size());
    if (is_new) families_.push_back({name, help, type, {}});
    auto& metric = families_[entry->second].metric.emplace_back();
    for (const auto& [label, value] : labels) metric.label.push_back({label, value});
    return metric;
  }

  const std::vector<prometheus::MetricFamily>& all() const { return families_; }

 private:
  std::vector<prometheus::MetricFamily> families_;  // in the order in which they came
  std::map<std::string, std::size_t> by_name_;
};

Figures::Figures() : families_(std::make_unique<Families>()) {}
Figures::~Figures() = default;
Figures::Figures(Figures&&) noexcept = default;
Figures& Figures::operator=(Figures&&) noexcept = default;

void Figures::counter(const std::string& name, const std::string& help, double value, const Labels& labels) {
  families_->add(name, help, prometheus::MetricType::Counter, labels).counter.value = value;
}

void Figures::gauge(const std::string& name, const std::string& help, double value, const Labels& labels) {
  families_->add(name, help, prometheus::MetricType::Gauge, labels).gauge.value = value;
}

std::string Figures::text() const {
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, families_->all());
  return std::move(text).str();
}

namespace {

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

// Since the epoch; 0 when /proc does not say.
double start_time() {
  std::ifstream stat("/proc/self/stat");
  std::string line;
  std::getline(stat, line);
  // The name before may hold anything, but the last parenthesis ends it; the start is the 22nd field (proc(5)).
  const auto name_end = line.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(line.substr(name_end + 1));
  std::string field;
  for (int i = 3; i <= 22; ++i) fields >> field;
  std::ifstream boot("/proc/stat");
  for (std::string key; boot >> key; boot.ignore(1 << 20, '\n')) {
    double boot_seconds = 0;
    if (key != "btime" || !(boot >> boot_seconds)) continue;
    return boot_seconds + std::stod("0" + field) / static_cast<double>(::sysconf(_SC_CLK_TCK));
  }
  return 0;
}

}  // namespace

void add_process(Figures& figures) {
  std::uint64_t pages = 0;
  std::uint64_t resident = 0;
  if (std::ifstream statm("/proc/self/statm"); statm >> pages >> resident) {
    figures.gauge("process_resident_memory_bytes", "Resident memory size in bytes.",
                  static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE)));
  }
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) == 0) {
    figures.counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.",
                    seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime));
  }
  if (const double started = start_time(); started > 0) {
    figures.gauge("process_start_time_seconds", "Start time of the process since the epoch in seconds.", started);
  }
  std::error_code error;
  const auto files = std::filesystem::directory_iterator("/proc/self/fd", error);
  if (!error) {
    figures.gauge("process_open_fds", "Number of open file descriptors.",
                  static_cast<double>(std::distance(begin(files), end(files))));
  }
}

}  // namespace bulkhead::monitoring
