#include "agent/ledger/ledger_file.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace bulkhead;

namespace {

struct TemporaryFile {
  TemporaryFile() {
    char name[] = "/tmp/bulkhead-ledgers-XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    directory = name;
    path = directory + "/ledgers";
  }
  ~TemporaryFile() { std::filesystem::remove_all(directory); }
  std::string directory, path;
};

}  // namespace

TEST_CASE("Ledgers come back from their file, and a damaged one is an error") {
  const TemporaryFile file;
  CHECK(ledger::read_ledgers(file.path)->ledgers_size() == 0);
  v1::LedgerBook book;
  book.add_ledgers()->mutable_ledger()->set_previous_tenant("acme");
  book.mutable_ledgers(0)->add_touched_runs(12);
  REQUIRE(ledger::write_ledgers(file.path, book).ok());
  const auto again = ledger::read_ledgers(file.path);
  REQUIRE(again.ok());
  CHECK(again->SerializeAsString() == book.SerializeAsString());

  const std::uintmax_t size = std::filesystem::file_size(file.path);
  SECTION("cut off") {
    std::filesystem::resize_file(file.path, size - 1);
  }
  SECTION("one byte changed") {
    std::fstream stream(file.path, std::ios::binary | std::ios::in | std::ios::out);
    stream.seekp(static_cast<std::streamoff>(size - 1));
    stream.put('?');
  }
  SECTION("of something else") {
    std::ofstream(file.path) << "hello";
  }
  SECTION("empty") {
    std::filesystem::resize_file(file.path, 0);
  }
  const auto damaged = ledger::read_ledgers(file.path);
  CHECK(absl::IsDataLoss(damaged.status()));
  CHECK_THAT(std::string(damaged.status().message()), Catch::Contains("restore it, or remove it"));
}

TEST_CASE("Ledgers that cannot be written are an error that names the file") {
  CHECK_THAT(std::string(ledger::write_ledgers("/proc/no/ledgers", {}).message()), Catch::Contains("/proc/no/ledgers"));
}
