#include "monitoring/figures.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <sstream>
#include <string>

namespace bulkhead::test {

namespace {

// The value of the one figure of this name, without labels.
double value_of(const std::string& text, const std::string& name) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(name + " ")) return std::stod(line.substr(name.size()));
  }
  FAIL("no " << name << " in\n" << text);
  return 0;
}

}  // namespace

TEST_CASE("figures of one name are one family, with one help and type") {
  monitoring::Figures figures;
  figures.counter("x_total", "Help of x.", 5, {{"place", "here"}});
  figures.gauge("y", "Help of y.", 200000);
  figures.counter("x_total", "Help of x.", 7, {{"place", "there"}});
  CHECK(figures.text() ==
        "# HELP x_total Help of x.\n# TYPE x_total counter\n"
        "x_total{place=\"here\"} 5\nx_total{place=\"there\"} 7\n"
        "# HELP y Help of y.\n# TYPE y gauge\ny 200000\n");
}

TEST_CASE("what peers call themselves cannot write lines of its own") {
  monitoring::Figures figures;
  figures.gauge("x", "Help.", 1, {{"hostname", "evil\"} 1\nx\\"}});
  CHECK_THAT(figures.text(), Catch::Contains("x{hostname=\"evil\\\"} 1\\nx\\\\\"} 1\n"));
}

TEST_CASE("a large count keeps its last digit") {
  monitoring::Figures figures;
  figures.counter("x_total", "Help.", 1234567890123.0);
  CHECK_THAT(figures.text(), Catch::Contains("x_total 1234567890123\n"));
}

TEST_CASE("the process's own figures are those of this process") {
  monitoring::Figures figures;
  monitoring::add_process(figures);
  const std::string text = figures.text();
  CHECK(value_of(text, "process_resident_memory_bytes") > 1e6);
  CHECK(value_of(text, "process_resident_memory_bytes") < 1e11);
  CHECK(value_of(text, "process_cpu_seconds_total") > 0);
  CHECK(value_of(text, "process_open_fds") >= 3);
  const double started = value_of(text, "process_start_time_seconds");
  CHECK(started <= static_cast<double>(time(nullptr)) + 1);
  CHECK(started > static_cast<double>(time(nullptr)) - 3600);
}

}  // namespace bulkhead::test
