// A policy file, read strictly: docs/policy.md describes every key; a test holds the two together.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "bulkhead/v1/policy.pb.h"

namespace bulkhead::policy {

// Of the file, and of the policy that comes of it: both together fit one message (limits::kMessageBytes).
inline constexpr std::size_t kMostBytes = 3u << 20;

struct PolicyFile {
  // As it was read, byte for byte.
  std::string text;
  // valid_from is not set.
  v1::Policy policy;
};

// kInvalidArgument with every error, a line each: "file:line:column: what is wrong". `file` names the text in them.
// Pure.
absl::StatusOr<PolicyFile> parse(std::string text, std::string_view file);

// Also kInvalidArgument, with the path, when it cannot be read.
absl::StatusOr<PolicyFile> read_file(const std::string& path);

// What of it agents are sent. Tenants that no domain match leads to are left out.
v1::AgentPolicy for_agents(const v1::Policy& policy);

// Every key, sections with a dot ("tenants.id"), in the order of the documentation.
std::vector<std::string> key_names();

}  // namespace bulkhead::policy
