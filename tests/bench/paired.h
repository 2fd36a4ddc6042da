// Paired differences on a noisy machine: medians, and how sure they are.
#pragma once

#include <string>
#include <vector>

namespace bulkhead::bench {

struct Estimate {
  double median = 0;
  double low = 0;  // 95 % bootstrap interval of the median
  double high = 0;
};

double median_of(std::vector<double> values);

// Of `after[i] - before[i]`. Both have the same size, at least one. The same input gives the same answer.
Estimate paired_difference(const std::vector<double>& before, const std::vector<double>& after);

// "12.3 [11.0, 13.9]"
std::string to_text(const Estimate& estimate);

}  // namespace bulkhead::bench
