#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "collector/sinks/line_sinks.h"
#include "tests/unit/sinks/sample.h"

namespace bulkhead::sinks {
namespace {

using test::alert_with;
using test::Pipe;
using test::TempDir;
using test::uids_in;

using Uids = std::vector<std::string>;
const std::stop_token kNoStop;

absl::Status deliver(Sink& sink, const v1::Alert& alert, const std::stop_token& stop = kNoStop) {
  const Delivery delivery{&alert, Activity::kCreate, delivery_id(alert, Activity::kCreate)};
  return sink.deliver(std::span(&delivery, 1), stop).at(0);
}

}  // namespace

TEST_CASE("the file sink appends to what is there and makes the file unreadable for others") {
  const TempDir dir;
  const std::string path = (dir.path() / "alerts.json").string();
  {
    FileSink sink(path);
    CHECK(deliver(sink, alert_with("a")).ok());
  }
  FileSink sink(path);
  CHECK(deliver(sink, alert_with("b")).ok());
  CHECK(uids_in(test::content_of(path)) == Uids{"a", "b"});
  struct stat status{};
  REQUIRE(stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 07) == 0);
}

TEST_CASE("after a rotation and reopen the file sink writes to the new file") {
  const TempDir dir;
  FileSink sink((dir.path() / "alerts.json").string());
  CHECK(deliver(sink, alert_with("a")).ok());
  std::filesystem::rename(dir.path() / "alerts.json", dir.path() / "alerts.json.1");
  CHECK(deliver(sink, alert_with("b")).ok());
  sink.reopen();
  CHECK(deliver(sink, alert_with("c")).ok());
  CHECK(uids_in(test::content_of(dir.path() / "alerts.json.1")) == Uids{"a", "b"});
  CHECK(uids_in(test::content_of(dir.path() / "alerts.json")) == Uids{"c"});
}

TEST_CASE("a file that cannot be opened is an error with its path, and works once it can") {
  const TempDir dir;
  FileSink sink((dir.path() / "later/alerts.json").string());
  const absl::Status refused = deliver(sink, alert_with("a"));
  CHECK_THAT(std::string(refused.message()), Catch::Contains("later/alerts.json: No such file or directory"));
  std::filesystem::create_directory(dir.path() / "later");
  CHECK(deliver(sink, alert_with("a")).ok());
}

TEST_CASE("a full disk is an error, not a crash") {
  FileSink sink("/dev/full");
  const absl::Status full = deliver(sink, alert_with("a"));
  CHECK_THAT(std::string(full.message()), Catch::Contains("No space left"));
}

TEST_CASE("a file sink on a pipe that nobody reads does not hang") {
  const TempDir dir;
  REQUIRE(mkfifo((dir.path() / "pipe").c_str(), 0600) == 0);
  FileSink sink((dir.path() / "pipe").string());
  CHECK_FALSE(deliver(sink, alert_with("a")).ok());
}

TEST_CASE("after a line that a killed process left half written comes a whole one") {
  const TempDir dir;
  const auto path = dir.path() / "alerts.json";
  std::ofstream(path) << "{\"class_uid\":20";
  FileSink sink(path.string());
  CHECK(deliver(sink, alert_with("a")).ok());
  CHECK(deliver(sink, alert_with("b")).ok());
  const std::string text = test::content_of(path);
  CHECK(uids_in(text.substr(text.find('\n') + 1)) == Uids{"a", "b"});
}

TEST_CASE("the stdout sink gives up a blocked reader when it is stopped") {
  Pipe pipe;
  pipe.fill();
  StdoutSink sink(pipe.ends[1]);
  std::stop_source stop;
  stop.request_stop();
  CHECK(deliver(sink, alert_with("a"), stop.get_token()).code() == absl::StatusCode::kCancelled);
}

TEST_CASE("a line that was cut is followed by a whole one") {
  Pipe pipe;
  StdoutSink sink(pipe.ends[1]);
  v1::Alert large = alert_with("large");
  large.set_message(std::string(200000, 'm'));
  std::stop_source stop;
  stop.request_stop();
  CHECK_FALSE(deliver(sink, large, stop.get_token()).ok());
  std::string text;
  std::thread reader([&] {
    char block[4096];
    for (ssize_t size; (size = read(pipe.ends[0], block, sizeof block)) > 0;) {
      text.append(block, static_cast<std::size_t>(size));
    }
  });
  CHECK(deliver(sink, alert_with("next")).ok());
  close(std::exchange(pipe.ends[1], -1));
  reader.join();
  CHECK(uids_in(text.substr(text.find('\n') + 1)) == Uids{"next"});
}

}  // namespace bulkhead::sinks
