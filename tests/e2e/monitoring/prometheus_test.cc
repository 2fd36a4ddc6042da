// A real Prometheus over a collector and an agent that watch a real domain, with the alert rules of docs/monitoring.
#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "absl/strings/str_cat.h"
#include "tests/e2e/host/small_host.h"
#include "tests/e2e/sinks/peers.h"
#include "tests/support/skip.h"
#include "tests/unit/sinks/sample.h"

namespace bulkhead::test {
namespace {

using nlohmann::json;
using stage::SmallHost;

#define NEEDS_PROMETHEUS()                                                 \
  if (!find_peer("prometheus") || !find_peer("promtool"))                  \
    BULKHEAD_SKIP("prometheus is needed; run scripts/install-deps peers"); \
  if (const std::string missing = stage::missing_for_host(); !missing.empty()) BULKHEAD_SKIP(missing)

std::string document(const std::string& name) {
  return std::string(BULKHEAD_SOURCE_DIR) + "/docs/monitoring/" + name;
}

template <typename Condition>
bool within_a_minute(Condition condition) {
  return eventually(condition, std::chrono::minutes(1));
}

// Asked of the kernel's free ports; both programs write where they listen.
std::uint16_t port_in(const std::filesystem::path& file) {
  const std::string address = content_of(file);
  REQUIRE(address.starts_with("127.0.0.1:"));
  return static_cast<std::uint16_t>(std::stoi(address.substr(10)));
}

struct Watched {
  Watched() : host(SmallHost::make()) {
    host->start_agent("http: 127.0.0.1:0\nhealth_interval: 200ms\n");
    REQUIRE(host->acme->start() == absl::OkStatus());
    REQUIRE(host->agent->wait_until_watching(host->collector, 1, stage::kPatience) == absl::OkStatus());
    const auto pid = host->acme->vmm_pid();
    REQUIRE(pid.status() == absl::OkStatus());
    vmm = *pid;
    collector = port_in(host->libvirt.state_dir() / "collector/http.addr");
    agent = port_in(host->libvirt.state_dir() / "agent/http.addr");
  }

  std::unique_ptr<SmallHost> host;
  pid_t vmm = 0;
  std::uint16_t collector = 0;
  std::uint16_t agent = 0;
};

class Prometheus {
 public:
  explicit Prometheus(const Watched& watched) : port_(free_port()) {
    const std::filesystem::path dir = watched.host->libvirt.state_dir();
    std::ofstream(dir / "prometheus.yml")
        << "global: {scrape_interval: 500ms, evaluation_interval: 500ms}\n"
        << "rule_files: [" << document("alerts.yaml") << "]\n"
        << "scrape_configs:\n"
        << "- {job_name: bulkhead-collector, static_configs: [{targets: ['127.0.0.1:" << watched.collector << "']}]}\n"
        << "- {job_name: bulkhead-agent, static_configs: [{targets: ['127.0.0.1:" << watched.agent << "']}]}\n";
    peer_ = std::make_unique<Peer>(
        with_its_share({*find_peer("prometheus"), "--config.file=" + (dir / "prometheus.yml").string(),
                        "--storage.tsdb.path=" + (dir / "prometheus").string(),
                        "--web.listen-address=127.0.0.1:" + std::to_string(port_)}),
        port_, (dir / "prometheus.log").string());
    peer_->start();
  }
  Peer& peer() { return *peer_; }

  // The values of an expression now; empty while Prometheus has none.
  std::vector<double> ask(const std::string& expression) const {
    std::string escaped;
    for (const unsigned char c : expression) absl::StrAppend(&escaped, "%", absl::Hex(c, absl::kZeroPad2));
    const auto answer = json::parse(http_get(port_, "/api/v1/query?query=" + escaped), nullptr, false);
    std::vector<double> values;
    if (answer.is_discarded() || answer.value("status", "") != "success") return values;
    for (const auto& one : answer["data"]["result"]) values.push_back(std::stod(one["value"][1].get<std::string>()));
    return values;
  }

 private:
  const std::uint16_t port_;
  std::unique_ptr<Peer> peer_;
};

void promtool(const std::vector<std::string>& words, const std::string& log) {
  std::vector<std::string> command = {*find_peer("promtool")};
  command.insert(command.end(), words.begin(), words.end());
  const auto outcome =
      stage::run({.words = command, .stderr_file = log, .namespaces = {}}, std::chrono::milliseconds(30000));
  REQUIRE(outcome.ok());
  INFO(outcome->output << content_of(log));
  CHECK(outcome->exit_status == 0);
}

// What `promtool check metrics` says of the text; empty when it finds nothing.
std::string complaints(const std::filesystem::path& directory, const std::string& text) {
  std::ofstream(directory / "metrics.txt") << text;
  const auto log = directory / "promtool.log";
  const auto outcome = stage::run(
      {.words = {"/bin/sh", "-c", "\"$0\" check metrics < \"$1\"", *find_peer("promtool"), directory / "metrics.txt"},
       .stderr_file = log,
       .namespaces = {}},
      std::chrono::milliseconds(30000));
  REQUIRE(outcome.ok());
  return outcome->exit_status == 0 ? "" : outcome->output + content_of(log);
}

// Every word that begins like one of our figures.
std::set<std::string> figures_named_in(const std::string& text) {
  static const std::regex kName("(bulkhead|process)_[a-z_]*[a-z]");
  std::set<std::string> names;
  for (std::sregex_iterator i(text.begin(), text.end(), kName); i != std::sregex_iterator(); ++i)
    names.insert(i->str());
  return names;
}

}  // namespace

TEST_CASE("Prometheus's own tool finds nothing wrong with the figures, and rules and dashboard ask for no others") {
  NEEDS_PROMETHEUS();
  const Watched watched;
  stage::read_memory(watched.vmm);
  std::string collector;
  REQUIRE(within_a_minute([&] {
    collector = http_get(watched.collector, "/metrics");
    return collector.find("bulkhead_rule_alerts_opened_total{rule=\"MEM-01\"} 1\n") != std::string::npos;
  }));
  const std::string agent = http_get(watched.agent, "/metrics");
  const std::filesystem::path directory = watched.host->libvirt.state_dir();
  CHECK(complaints(directory, collector).empty());
  CHECK(complaints(directory, agent).empty());
  for (const char* name : {"alerts.yaml", "grafana-dashboard.json"}) {
    for (const std::string& figure : figures_named_in(content_of(document(name)))) {
      INFO(name << ": " << figure);
      const std::string header = "# TYPE " + figure + " ";
      CHECK((collector.find(header) != std::string::npos || agent.find(header) != std::string::npos));
    }
  }
  // The agent's page names nobody.
  CHECK(agent.find("acme") == std::string::npos);
  CHECK(http_get(watched.agent, "/readyz") == "ok\n");
  CHECK(http_get(watched.agent, "/healthz") == "ok\n");
  CHECK(http_get(watched.collector, "/readyz") == "ok\n");
}

TEST_CASE(
    "Prometheus is killed, comes back, and has what happened meanwhile, and the loss identity holds in its figures") {
  NEEDS_PROMETHEUS();
  const Watched watched;
  Prometheus prometheus(watched);
  INFO(watched.host->logs());
  REQUIRE(within_a_minute([&] { return prometheus.ask("up == 1").size() == 2; }));
  stage::read_memory(watched.vmm);
  const std::string findings = "bulkhead_rule_findings_total{rule=\"MEM-01\"}";
  REQUIRE(within_a_minute([&] { return prometheus.ask(findings) == std::vector<double>{1}; }));
  prometheus.peer().kill();
  stage::read_memory(watched.vmm, 4);
  prometheus.peer().start();
  CHECK(within_a_minute([&] { return prometheus.ask(findings) == std::vector<double>{5}; }));
  // One alert: another run of the same program is the same program.
  CHECK(within_a_minute(
      [&] { return prometheus.ask("bulkhead_rule_alerts_opened_total{rule=\"MEM-01\"}") == std::vector<double>{1}; }));
  const auto stage_sum = [&](const std::string& figure, const std::string& stages) {
    const auto sum =
        prometheus.ask(absl::StrCat("sum(", figure, "{probe=\"memory.process_vm\",stage=~\"", stages, "\"})"));
    return sum.empty() ? -1 : sum.front();
  };
  const std::string of_agent = "bulkhead_agent_probe_records_total";
  CHECK(within_a_minute([&] {
    const double emitted = stage_sum(of_agent, "emitted");
    return emitted == 5 && stage_sum(of_agent, "seen") == stage_sum(of_agent, "suppressed|coalesced|emitted|lost") &&
           stage_sum(of_agent, "decoded") == emitted && stage_sum(of_agent, "spooled") == emitted &&
           stage_sum("bulkhead_probe_records", "stored") == emitted;
  }));
  CHECK(prometheus.ask("ALERTS").empty());
  CHECK(watched.host->agent->stop() == absl::OkStatus());
  CHECK(within_a_minute([&] { return !prometheus.ask("ALERTS{alertname=\"BulkheadAgentDown\"}").empty(); }));
}

TEST_CASE("the alert rules fire when they should, and only then") {
  NEEDS_PROMETHEUS();
  const TempDir directory;
  promtool({"check", "rules", document("alerts.yaml")}, directory.path() / "log");
  promtool({"test", "rules", std::string(BULKHEAD_SOURCE_DIR) + "/tests/e2e/monitoring/alerts.test.yaml"},
           directory.path() / "log");
}

}  // namespace bulkhead::test
