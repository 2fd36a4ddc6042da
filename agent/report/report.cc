#include "agent/report/report.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace bulkhead::report {

namespace {

using Row = std::vector<std::string>;

// A name comes from a domain's definition and may hold a terminal's escape sequences.
std::string printable(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  return text.empty() ? "-" : text;
}

void print_rows(const std::vector<Row>& rows, std::ostream& out) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const Row& row : rows) {
    for (std::size_t i = 0; i + 1 < row.size(); ++i) {
      out << row[i] << std::string(widths[i] - row[i].size() + 2, ' ');
    }
    out << row.back() << '\n';
  }
}

template <typename Messages>
absl::Status print_lines(const Messages& messages, std::ostream& out) {
  for (const auto& message : messages) {
    std::string line;
    const auto status = google::protobuf::util::MessageToJsonString(message, &line);
    if (!status.ok()) return absl::InternalError(std::string(status.message()));
    out << line << '\n';
  }
  return absl::OkStatus();
}

std::string watched(bool is_watched, const std::string& reason) {
  return is_watched ? "watched" : absl::StrCat("not watched: ", printable(reason));
}

const char* state_name(v1::DomainState state) {
  switch (state) {
    case v1::DOMAIN_STATE_SHUT_OFF:
      return "shut off";
    case v1::DOMAIN_STATE_STARTING:
      return "starting";
    case v1::DOMAIN_STATE_RUNNING:
      return "running";
    case v1::DOMAIN_STATE_PAUSED:
      return "paused";
    default:  // an open enum of the protocol
      return "unknown";
  }
}

// All hooks of a probe say the same.
void print_once_per_probe(const char* title, const v1::Coverage& coverage,
                          const std::string& (v1::ProbeCoverage::*text)() const, std::ostream& out) {
  std::string last;
  for (const v1::ProbeCoverage& probe : coverage.probes()) {
    if ((probe.*text)().empty() || probe.name() == last) continue;
    if (last.empty()) out << '\n' << title << '\n';
    last = probe.name();
    out << "  " << probe.name() << ": " << (probe.*text)() << '\n';
  }
}

}  // namespace

void print_table(const v1::Coverage& coverage, std::ostream& out) {
  std::vector<Row> rows = {{"PROBE", "COVERS", "TIER", "STATE", "MECHANISM", "REASON"}};
  for (const v1::ProbeCoverage& probe : coverage.probes()) {
    rows.push_back({probe.name(), printable(absl::StrJoin(probe.covers(), ",")), absl::StrCat(probe.tier()),
                    probe.state() == v1::PROBE_STATE_ATTACHED ? "attached" : "missing", probe.mechanism(),
                    printable(probe.reason())});
  }
  print_rows(rows, out);
  print_once_per_probe("Limits", coverage, &v1::ProbeCoverage::limits, out);
  print_once_per_probe("Why no better mechanism", coverage, &v1::ProbeCoverage::why_not_better, out);
}

void print_table(const v1::Inventory& inventory, std::ostream& out) {
  if (inventory.domains().empty()) {
    out << "libvirt knows no domain on this host\n";
    return;
  }
  std::vector<Row> rows = {{"DOMAIN", "TENANT", "FROM", "STATE", "VMM PID", "OBJECT", "WATCH"}};
  for (const v1::Domain& domain : inventory.domains()) {
    rows.push_back({printable(domain.name()), printable(domain.tenant()), domain.tenant_source(),
                    state_name(domain.state()), domain.vmm_pid() == 0 ? "-" : absl::StrCat(domain.vmm_pid()), "-",
                    "-"});
    for (const v1::Volume& volume : domain.volumes()) {
      rows.push_back({"", "", "", "", "", absl::StrCat("volume ", volume.target(), " ", printable(volume.source())),
                      watched(volume.watched(), volume.reason())});
    }
    for (const v1::Port& port : domain.ports()) {
      rows.push_back({"", "", "", "", "", absl::StrCat("port ", printable(port.device()), " ", port.mac()),
                      watched(port.watched(), port.reason())});
    }
  }
  print_rows(rows, out);
}

absl::Status print_json(const v1::Coverage& coverage, std::ostream& out) {
  return print_lines(coverage.probes(), out);
}

absl::Status print_json(const v1::Inventory& inventory, std::ostream& out) {
  return print_lines(inventory.domains(), out);
}

}  // namespace bulkhead::report
