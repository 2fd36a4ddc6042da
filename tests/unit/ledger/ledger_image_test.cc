#include "agent/ledger/ledger_image.h"

#include <catch2/catch.hpp>
#include <random>

using namespace bulkhead;
using probes::LedgerWord;

namespace {

// Granule by granule, as slowly as can be.
std::vector<bool> bits_of(ledger::Words words, std::uint64_t granules) {
  std::vector<bool> bits;
  for (std::uint64_t i = 0; i < granules; ++i) bits.push_back(((words[i / 64].clean >> (i % 64)) & 1) != 0);
  return bits;
}

std::vector<LedgerWord> random_words(std::mt19937& random, std::size_t words) {
  std::vector<LedgerWord> made(words);
  for (LedgerWord& word : made) {
    // Whole words of one kind, and mixed ones.
    const unsigned kind = random() % 4;
    word.clean = kind == 0 ? 0 : kind == 1 ? ~std::uint64_t{0} : std::uint64_t{random()} << 32 | random();
  }
  return made;
}

}  // namespace

TEST_CASE("A ledger's bits come back from their runs as they were") {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    const std::vector<LedgerWord> words = random_words(random, 1 + random() % 6);
    const std::uint64_t granules = words.size() * 64 - random() % 64;
    const auto runs = ledger::runs_of(words, granules);
    std::vector<LedgerWord> again(words.size());
    REQUIRE(ledger::set_runs(runs, granules, again).ok());
    REQUIRE(bits_of(again, granules) == bits_of(words, granules));
  }
}

TEST_CASE("Runs that are longer than the volume set nothing") {
  std::vector<LedgerWord> words(1);
  CHECK(absl::IsInvalidArgument(ledger::set_runs(std::vector<std::uint32_t>{1, 64}, 64, words)));
  // Their sum must not wrap around.
  CHECK_FALSE(ledger::set_runs(std::vector<std::uint32_t>{0xffffffff, 0xffffffff, 2}, 64, words).ok());
  CHECK(words[0].clean == 0);
}

TEST_CASE("What remains is told in bytes, by offset, also of a volume whose last granule is a short one") {
  std::vector<LedgerWord> words(2);
  const std::uint64_t size = 70 * 4096 - 512;
  REQUIRE(ledger::set_runs(std::vector<std::uint32_t>{2, 3, 60, 4}, 70, words).ok());
  const ledger::Remaining remaining = ledger::remaining_of(words, size, 12, 2);
  CHECK(remaining.extents == 3);
  CHECK(remaining.bytes == (2 + 60 + 1) * 4096 - 512);
  REQUIRE(remaining.first.size() == 2);
  CHECK(remaining.first[1].offset() == 5 * 4096);
  CHECK(remaining.first[1].length() == 60 * 4096);
  CHECK(ledger::remaining_of(words, size, 12, 9).first[2].length() == 4096 - 512);
}

TEST_CASE("Larger granules are clean where all of them was, and touched where any of them was") {
  const std::vector<std::uint32_t> runs = {1, 7, 3, 2, 1, 10};  // set: 1-7, 11-12, 14-23
  CHECK(ledger::coarsened(runs, 2, &LedgerWord::clean) == std::vector<std::uint32_t>{1, 1, 2, 2});
  CHECK(ledger::coarsened(runs, 2, &LedgerWord::touched) == std::vector<std::uint32_t>{0, 6});
}

TEST_CASE("A volume of any size has at most 8 Mi granules") {
  CHECK(probes::ledger_granule_shift(512) == 12);
  CHECK(probes::ledger_granule_shift(std::uint64_t{32} << 30) == 12);
  CHECK(probes::ledger_granule_shift((std::uint64_t{32} << 30) + 1) == 13);
  CHECK(probes::ledger_granule_shift(std::uint64_t{1} << 40) == 17);
}
