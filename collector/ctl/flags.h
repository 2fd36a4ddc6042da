// What all of bulkheadctl's command lines share. Private to this folder.
#pragma once

#include <boost/program_options/options_description.hpp>
#include <boost/program_options/variables_map.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "net/endpoint.h"

namespace bulkhead::ctl {

using Flags = boost::program_options::variables_map;

// What is no flag is in words_of(). Flags are not guessed from their beginnings. kInvalidArgument: one line that says
// which and why.
absl::StatusOr<Flags> parse_flags(const std::vector<std::string>& words,
                                  boost::program_options::options_description known);
std::vector<std::string> words_of(const Flags& flags);

// Of a flag that takes text; empty when it is not given.
std::string text(const Flags& flags, const char* flag);
std::vector<std::string> texts(const Flags& flags, const char* flag);

// --collector, with --allow-plaintext where it needs that.
inline constexpr char kDefaultCollector[] = "127.0.0.1:7400";
absl::StatusOr<net::Endpoint> collector_of(const Flags& flags);

}  // namespace bulkhead::ctl
