#include "tests/bench/paired.h"

#include <algorithm>
#include <random>

#include "fmt/format.h"

namespace bulkhead::bench {

double median_of(std::vector<double> values) {
  const std::size_t middle = values.size() / 2;
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(middle), values.end());
  const double upper = values[middle];
  if (values.size() % 2 == 1) return upper;
  return (upper + *std::max_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(middle))) / 2;
}

Estimate paired_difference(const std::vector<double>& before, const std::vector<double>& after) {
  std::vector<double> differences(before.size());
  for (std::size_t i = 0; i < before.size(); ++i) differences[i] = after[i] - before[i];

  constexpr int kResamples = 2000;
  std::mt19937 random(20260101);
  std::uniform_int_distribution<std::size_t> pick(0, differences.size() - 1);
  std::vector<double> medians(kResamples);
  std::vector<double> sample(differences.size());
  for (double& median : medians) {
    for (double& one : sample) one = differences[pick(random)];
    median = median_of(sample);
  }
  std::sort(medians.begin(), medians.end());
  return {.median = median_of(differences),
          .low = medians[kResamples * 25 / 1000],
          .high = medians[kResamples * 975 / 1000 - 1]};
}

std::string to_text(const Estimate& estimate) {
  return fmt::format("{:.1f} [{:.1f}, {:.1f}]", estimate.median, estimate.low, estimate.high);
}

}  // namespace bulkhead::bench
