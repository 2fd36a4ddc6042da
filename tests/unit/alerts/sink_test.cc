#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "collector/alerts/sink.h"
#include "collector/alerts/sink_feeder.h"
#include "tests/unit/alerts/temp_dir.h"
#include "tests/unit/detect/events.h"

namespace bulkhead::alerts {
namespace {

using namespace std::chrono_literals;
using test::TempDir;

v1::Alert alert_with(const std::string& uid, std::uint64_t count = 1) {
  v1::Alert alert;
  alert.set_uid(uid);
  alert.set_event_count(count);
  return alert;
}

std::vector<std::string> uids_in(const std::string& text) {
  std::vector<std::string> uids;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    uids.push_back(nlohmann::json::parse(line)["finding_info"]["uid"]);
  }
  return uids;
}

template <typename Condition>
bool eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
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
  void fill() {
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    const std::string block(4096, 'x');
    while (write(ends[1], block.data(), block.size()) > 0) {
    }
    fcntl(ends[1], F_SETFL, 0);
  }
  int ends[2];
};

using Uids = std::vector<std::string>;
const std::stop_token kNoStop;

}  // namespace

TEST_CASE("the file sink appends to what is there and makes the file unreadable for others") {
  const TempDir dir;
  const std::string path = dir / "alerts.json";
  {
    FileSink sink(path);
    CHECK(sink.deliver(alert_with("a"), Activity::kCreate, kNoStop).ok());
  }
  FileSink sink(path);
  CHECK(sink.deliver(alert_with("b"), Activity::kCreate, kNoStop).ok());
  CHECK(uids_in(test::read_file(path)) == Uids{"a", "b"});
  struct stat status{};
  REQUIRE(stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 07) == 0);
}

TEST_CASE("after a rotation and reopen the file sink writes to the new file") {
  const TempDir dir;
  FileSink sink(dir / "alerts.json");
  CHECK(sink.deliver(alert_with("a"), Activity::kCreate, kNoStop).ok());
  std::filesystem::rename(dir / "alerts.json", dir / "alerts.json.1");
  CHECK(sink.deliver(alert_with("b"), Activity::kCreate, kNoStop).ok());
  sink.reopen();
  CHECK(sink.deliver(alert_with("c"), Activity::kCreate, kNoStop).ok());
  CHECK(uids_in(test::read_file(dir / "alerts.json.1")) == Uids{"a", "b"});
  CHECK(uids_in(test::read_file(dir / "alerts.json")) == Uids{"c"});
}

TEST_CASE("a file that cannot be opened is an error with its path, and works once it can") {
  const TempDir dir;
  FileSink sink(dir / "later/alerts.json");
  const absl::Status refused = sink.deliver(alert_with("a"), Activity::kCreate, kNoStop);
  CHECK_THAT(std::string(refused.message()), Catch::Contains("later/alerts.json: No such file or directory"));
  std::filesystem::create_directory(dir / "later");
  CHECK(sink.deliver(alert_with("a"), Activity::kCreate, kNoStop).ok());
}

TEST_CASE("a full disk is an error, not a crash") {
  FileSink sink("/dev/full");
  const absl::Status full = sink.deliver(alert_with("a"), Activity::kCreate, kNoStop);
  CHECK_THAT(std::string(full.message()), Catch::Contains("No space left"));
}

TEST_CASE("a file sink on a pipe that nobody reads does not hang") {
  const TempDir dir;
  REQUIRE(mkfifo((dir / "pipe").c_str(), 0600) == 0);
  FileSink sink(dir / "pipe");
  CHECK_FALSE(sink.deliver(alert_with("a"), Activity::kCreate, kNoStop).ok());
}

TEST_CASE("the stdout sink gives up a blocked reader when it is stopped") {
  Pipe pipe;
  pipe.fill();
  StdoutSink sink(pipe.ends[1]);
  std::stop_source stop;
  stop.request_stop();
  CHECK(sink.deliver(alert_with("a"), Activity::kCreate, stop.get_token()).code() == absl::StatusCode::kCancelled);
}

TEST_CASE("a line that was cut is followed by a whole one") {
  Pipe pipe;
  StdoutSink sink(pipe.ends[1]);
  v1::Alert large = alert_with("large");
  large.set_message(std::string(200000, 'm'));
  std::stop_source stop;
  stop.request_stop();
  CHECK_FALSE(sink.deliver(large, Activity::kCreate, stop.get_token()).ok());
  std::string text;
  std::thread reader([&] {
    char block[4096];
    for (ssize_t size; (size = read(pipe.ends[0], block, sizeof block)) > 0;) {
      text.append(block, static_cast<std::size_t>(size));
    }
  });
  CHECK(sink.deliver(alert_with("next"), Activity::kCreate, kNoStop).ok());
  close(std::exchange(pipe.ends[1], -1));
  reader.join();
  CHECK(uids_in(text.substr(text.find('\n') + 1)) == Uids{"next"});
}

TEST_CASE("the feeder delivers in order and tells nothing when all is well") {
  const TempDir dir;
  SinkFeeder feeder(std::make_unique<FileSink>(dir / "a.json"), 100, 10ms);
  feeder.start();
  Uids expected;
  for (int i = 0; i < 50; ++i) {
    expected.push_back(std::to_string(i));
    feeder.feed(alert_with(expected.back()), Activity::kCreate);
  }
  feeder.stop();
  CHECK(uids_in(test::read_file(dir / "a.json")) == expected);
  CHECK(feeder.problem().empty());
}

TEST_CASE("the feeder says what is wrong, tries again, and is silent once it worked") {
  const TempDir dir;
  SinkFeeder feeder(std::make_unique<FileSink>(dir / "later/a.json"), 100, 10ms);
  feeder.start();
  feeder.feed(alert_with("a"), Activity::kCreate);
  CHECK(eventually([&] { return feeder.problem().find("later/a.json") != std::string::npos; }));
  std::filesystem::create_directory(dir / "later");
  CHECK(eventually([&] { return feeder.problem().empty(); }));
  feeder.stop();
  CHECK(uids_in(test::read_file(dir / "later/a.json")) == Uids{"a"});
}

TEST_CASE("a blocked sink holds nobody: its queue is bounded, newer states replace older ones, stop returns") {
  Pipe pipe;
  pipe.fill();
  SinkFeeder feeder(std::make_unique<StdoutSink>(pipe.ends[1]), 10, 10ms);
  feeder.start();
  for (std::uint64_t round = 1; round <= 100; ++round) feeder.feed(alert_with("same", round), Activity::kUpdate);
  for (int i = 0; i < 100; ++i) feeder.feed(alert_with(std::to_string(i)), Activity::kCreate);
  CHECK(feeder.dropped() >= 90);
  CHECK_THAT(feeder.problem(), Catch::Contains("too slow"));
  const auto begin = std::chrono::steady_clock::now();
  feeder.stop();
  CHECK(std::chrono::steady_clock::now() - begin < 5s);
}

}  // namespace bulkhead::alerts
