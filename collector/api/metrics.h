// Figures for Prometheus (text exposition format 0.0.4).
#pragma once

#include <string>
#include <vector>

#include "bulkhead/v1/query.pb.h"

namespace bulkhead::api {

struct Metric {
  std::string name;
  std::string help;
  bool counter = false;  // else a gauge
  std::uint64_t value = 0;
};

// `hosts` are complete (stored counts filled in).
std::string metrics_text(const std::vector<Metric>& metrics, const std::vector<v1::Host>& hosts);

}  // namespace bulkhead::api
