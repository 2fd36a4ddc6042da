#include "collector/ctl/flags.h"

#include <boost/program_options.hpp>

#include "absl/strings/str_cat.h"

namespace bulkhead::ctl {

namespace po = boost::program_options;

absl::StatusOr<Flags> parse_flags(const std::vector<std::string>& words, po::options_description known) {
  known.add_options()("words", po::value<std::vector<std::string>>());
  po::positional_options_description positions;
  positions.add("words", -1);
  Flags flags;
  try {
    po::store(po::command_line_parser(words)
                  .options(known)
                  .positional(positions)
                  .style(po::command_line_style::unix_style & ~po::command_line_style::allow_guessing)
                  .run(),
              flags);
  } catch (const po::error& error) {
    return absl::InvalidArgumentError(absl::StrCat(error.what(), "; see --help"));
  }
  return flags;
}

std::vector<std::string> words_of(const Flags& flags) {
  return texts(flags, "words");
}

std::string text(const Flags& flags, const char* flag) {
  return flags.count(flag) != 0 ? flags[flag].as<std::string>() : std::string();
}

std::vector<std::string> texts(const Flags& flags, const char* flag) {
  return flags.count(flag) != 0 ? flags[flag].as<std::vector<std::string>>() : std::vector<std::string>();
}

absl::StatusOr<net::Endpoint> collector_of(const Flags& flags) {
  auto collector = net::parse(text(flags, "collector"));
  if (!collector.ok()) return absl::InvalidArgumentError(absl::StrCat("--collector: ", collector.status().message()));
  const auto allowed = net::check_plaintext(*collector, flags.count("allow-plaintext") != 0);
  if (!allowed.ok()) return allowed;
  return collector;
}

}  // namespace bulkhead::ctl
