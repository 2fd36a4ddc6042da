// What the tests of sinks share.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/unit/store/fixture.h"

namespace bulkhead::test {

inline v1::Alert alert_with(const std::string& uid, std::uint64_t count = 1) {
  v1::Alert alert = make_alert(uid, 1, count);
  alert.mutable_rule()->set_title("Guest memory accessed");
  alert.mutable_rule()->set_severity(v1::SEVERITY_CRITICAL);
  alert.set_hostname("hv1.example");
  alert.set_message("gdb read memory of domain web");
  *alert.mutable_last_time() = alert.first_time();
  return alert;
}

// Queues one alert for each of the sinks.
inline void tell(store::Store& store, const v1::Alert& alert, std::vector<std::string> sinks,
                 store::Activity activity = store::Activity::kCreate) {
  const store::Notice notice{alert, activity, std::move(sinks)};
  const auto status = store.alerts().commit(std::span(&alert, 1), store::Position("p"), std::span(&notice, 1));
  if (!status.ok()) FAIL(std::string(status.message()));
}

inline std::string content_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// Of OCSF lines.
inline std::vector<std::string> uids_in(const std::string& text) {
  std::vector<std::string> uids;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    uids.push_back(nlohmann::json::parse(line)["finding_info"]["uid"]);
  }
  return uids;
}

template <typename Condition>
bool eventually(Condition condition, std::chrono::seconds limit = std::chrono::seconds(10)) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

// The two ends of a pipe.
struct Pipe {
  Pipe() { REQUIRE(pipe2(ends, O_CLOEXEC) == 0); }
  ~Pipe() {
    for (const int end : ends) {
      if (end >= 0) close(end);
    }
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void fill() {
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    const std::string block(4096, 'x');
    while (write(ends[1], block.data(), block.size()) > 0) {
    }
    fcntl(ends[1], F_SETFL, 0);
  }
  int ends[2];
};

}  // namespace bulkhead::test
