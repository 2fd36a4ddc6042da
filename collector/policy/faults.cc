#include "collector/policy/faults.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "proto/batch/utf8.h"

namespace bulkhead::policy {

namespace {

constexpr std::size_t kShownBytes = 64;
constexpr std::size_t kMessageBytes = 1024;
// A file of nothing but errors costs no more memory than this many of them.
constexpr std::size_t kKept = 10'000;

std::string without_controls(std::string_view text) {
  std::string clean(text);
  for (char& c : clean) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return clean;
}

}  // namespace

std::string to_string(const Place& place) {
  return fmt::format("{}:{}", place.line, place.column);
}

std::string shown(std::string_view text) {
  const std::string_view cut = batch::cut_utf8(text, kShownBytes);
  return fmt::format("'{}{}'", without_controls(cut), cut.size() < text.size() ? "…" : "");
}

void Faults::add(const Place& place, std::string_view message) {
  if (++count_ > kKept) return;
  // Also of texts that other checks put into their words.
  const std::string clean = without_controls(batch::to_utf8(message.substr(0, kMessageBytes)));
  faults_.push_back({place, fmt::format("{}:{}: {}", file_, to_string(place), clean)});
}

absl::Status Faults::status() const {
  if (count_ == 0) return absl::OkStatus();
  std::vector<const Fault*> sorted;
  for (const Fault& fault : faults_) sorted.push_back(&fault);
  std::ranges::stable_sort(sorted, {},
                           [](const Fault* fault) { return std::tuple(fault->place.line, fault->place.column); });
  std::string text;
  for (std::size_t i = 0; i < std::min(sorted.size(), kTold); ++i) {
    if (i > 0) text += '\n';
    text += sorted[i]->line;
  }
  if (count_ > kTold) text += fmt::format("\n{}: and {} more errors", file_, count_ - kTold);
  return absl::InvalidArgumentError(text);
}

}  // namespace bulkhead::policy
