// What Prometheus and a load balancer see of a whole collector.
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <catch2/catch.hpp>
#include <chrono>
#include <fstream>

#include "net/endpoint.h"
#include "tests/unit/api/whole_collector.h"

namespace bulkhead::test {

namespace {

std::string get(const collector::Collector& collector, const std::string& page) {
  namespace asio = boost::asio;
  const auto address = net::parse_peer(collector.http_address());
  REQUIRE(address.ok());
  asio::io_context context;
  asio::ip::tcp::socket socket(context);
  socket.connect({asio::ip::make_address(address->host), address->port});
  asio::write(socket, asio::buffer("GET " + page + " HTTP/1.1\r\nHost: x\r\n\r\n"));
  std::string answer;
  boost::system::error_code error;
  asio::read(socket, asio::dynamic_buffer(answer), error);
  return answer;
}

// The page once it has the line, or after half a minute.
std::string get_until(const collector::Collector& collector, const std::string& page, const std::string& line) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  std::string text = get(collector, page);
  while (text.find("\n" + line + "\n") == std::string::npos && std::chrono::steady_clock::now() < deadline) {
    text = get(collector, page);
  }
  return text;
}

collector::Options with_http(const TempDir& dir) {
  auto options = options_for(dir);
  options.http = net::Endpoint{.host = "127.0.0.1", .port = 0, .path = ""};
  return options;
}

}  // namespace

TEST_CASE("metrics have a rule's findings, alerts and time, and what became of each record") {
  const TempDir dir;
  const auto collector = start(with_http(dir));
  const std::string before = get_until(*collector, "/metrics", "bulkhead_rule_findings_total{rule=\"MEM-01\"} 0");
  CHECK_THAT(before, Catch::Contains("\nbulkhead_rule_findings_total{rule=\"MEM-01\"} 0\n"));
  CHECK_THAT(before, Catch::Contains("\nbulkhead_correlation_entries{rule=\"CORR-01\"} 0\n"));
  send_as_agent(collector->listen_address(), make_batch(1, 2));
  const std::string text = get_until(*collector, "/metrics", "bulkhead_rule_alerts_opened_total{rule=\"MEM-01\"} 1");
  CHECK_THAT(text, Catch::Contains("\nbulkhead_rule_findings_total{rule=\"MEM-01\"} 1\n"));
  CHECK_THAT(text, Catch::Contains("\nbulkhead_rule_alerts_opened_total{rule=\"MEM-01\"} 1\n"));
  // The first event is timed; it is an open.
  CHECK_THAT(text, Catch::Contains("\nbulkhead_rule_sampled_evaluations_total{rule=\"DISK-01\"} 1\n"));
  CHECK_THAT(text, !Catch::Contains("\nbulkhead_rule_sampled_evaluation_seconds_total{rule=\"DISK-01\"} 0\n"));
  CHECK_THAT(text, Catch::Contains("\nbulkhead_alerts_waiting{state=\"open\"} "));
  CHECK_THAT(text, Catch::Contains("\nbulkhead_probe_records{probe=\"memory.process_vm\",stage=\"stored\"} 1\n"));
  CHECK_THAT(text, Catch::Contains("\nbulkhead_detection_events_total 2\n"));
  CHECK_THAT(text, Catch::Contains("\nprocess_resident_memory_bytes "));
}

TEST_CASE("a collector that stores and judges is healthy and ready, and says what else a person should see to") {
  const TempDir dir;
  auto options = with_http(dir);
  options.rules = (dir.path() / "rules").string();
  std::filesystem::create_directory(options.rules);
  std::ofstream(dir.path() / "rules/one.yaml")
      << "- rule: X-01\n  title: t\n  desc: d\n  condition: event.kind = loss\n"
         "  output: o\n  priority: low\n";
  const auto collector = start(options);
  CHECK_THAT(get(*collector, "/readyz"), Catch::StartsWith("HTTP/1.1 200 ") && Catch::EndsWith("\r\n\r\nok\n"));
  CHECK_THAT(get(*collector, "/healthz"), Catch::StartsWith("HTTP/1.1 200 ") && Catch::EndsWith("\r\n\r\nok\n"));
  std::ofstream(dir.path() / "rules/one.yaml") << "- rulle: X-01\n";
  CHECK_FALSE(collector->reload("test").ok());
  // A restart would not help, and would end detection.
  CHECK_THAT(get(*collector, "/healthz"),
             Catch::StartsWith("HTTP/1.1 200 ") && Catch::Contains("rules were not taken up"));
  CHECK_THAT(get(*collector, "/metrics"), Catch::Contains("\nbulkhead_problems 1\n"));
}

}  // namespace bulkhead::test
