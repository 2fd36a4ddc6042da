// Figures for Prometheus (text exposition format 0.0.4).
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "bulkhead/v1/query.pb.h"

namespace bulkhead::api {

struct Metric {
  std::string name;
  std::string help;
  bool counter = false;  // else a gauge
  std::uint64_t value = 0;
};

// A figure of several things that one label tells apart.
struct LabelledMetric {
  std::string name;
  std::string help;
  bool counter = false;
  std::string label;
  std::vector<std::pair<std::string, std::uint64_t>> values;  // by the label's value
};

// `hosts` are complete (stored counts filled in).
std::string metrics_text(const std::vector<Metric>& metrics, const std::vector<v1::Host>& hosts,
                         const std::vector<LabelledMetric>& labelled = {});

}  // namespace bulkhead::api
