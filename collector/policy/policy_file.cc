#include "collector/policy/policy_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/escaping.h"
#include "collector/policy/compile.h"
#include "collector/policy/reader.h"
#include "collector/policy/validate.h"
#include "proto/batch/utf8.h"

namespace bulkhead::policy {

namespace {

std::string sha256(std::string_view bytes) {
  std::array<char, 32> digest{};
  EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(digest.data()), nullptr, EVP_sha256(),
             nullptr);
  return absl::BytesToHexString({digest.data(), digest.size()});
}

// The place of the first byte that is part of no character.
Place first_bad_byte(std::string_view text) {
  Place place;
  while (!text.empty()) {
    std::size_t length = 1;
    while (length < 4 && length < text.size() && !batch::is_utf8(text.substr(0, length))) ++length;
    if (!batch::is_utf8(text.substr(0, length))) return place;
    ++place.column;
    if (text.front() == '\n') place = {place.line + 1, 1};
    text.remove_prefix(length);
  }
  return place;
}

absl::Status unreadable(const std::string& path, int error) {
  return absl::InvalidArgumentError(fmt::format("{}: cannot be read: {}", path, std::strerror(error)));
}

}  // namespace

absl::StatusOr<PolicyFile> parse(std::string text, std::string_view file) {
  Faults faults(file);
  const std::string too_large = fmt::format("the policy is larger than {} MiB", kMostBytes >> 20);
  if (text.size() > kMostBytes) {
    faults.add({}, too_large);
  } else if (!batch::is_utf8(text)) {
    faults.add(first_bad_byte(text), "the file must be UTF-8");
  }
  if (!faults.empty()) return faults.status();
  const Draft draft = read_draft(text, faults);
  validate(draft, faults);
  if (!faults.empty()) return faults.status();
  v1::Policy policy = compile(draft);
  policy.set_sha256(sha256(text));
  if (policy.ByteSizeLong() > kMostBytes) {
    faults.add({}, too_large);
    return faults.status();
  }
  return PolicyFile{std::move(text), std::move(policy)};
}

absl::StatusOr<PolicyFile> read_file(const std::string& path) {
  // Non-blocking: a FIFO in the place of a file must not make the collector hang.
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return unreadable(path, errno);
  const absl::Cleanup close_file = [file] { ::close(file); };
  struct stat status{};
  if (::fstat(file, &status) != 0) return unreadable(path, errno);
  if (!S_ISREG(status.st_mode)) return absl::InvalidArgumentError(fmt::format("{}: is not a regular file", path));
  std::string text;
  std::array<char, 16384> buffer{};
  while (text.size() <= kMostBytes) {
    const ssize_t count = ::read(file, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return unreadable(path, errno);
    if (count == 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return parse(std::move(text), path);
}

v1::AgentPolicy for_agents(const v1::Policy& policy) {
  v1::AgentPolicy agents;
  agents.set_version(policy.version());
  agents.set_sha256(policy.sha256());
  for (const v1::PolicyTenant& tenant : policy.tenants()) {
    if (tenant.domains().empty()) continue;
    v1::PolicyTenant& sent = *agents.add_tenants();
    sent.set_id(tenant.id());
    *sent.mutable_domains() = tenant.domains();
  }
  *agents.mutable_trusted_services() = policy.trusted_services();
  *agents.mutable_base_images() = policy.base_images();
  return agents;
}

}  // namespace bulkhead::policy
