#include "agent/probes/host_sweep.h"

#include <bpf/bpf.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "agent/probes/bpf_handles.h"
#include "ebpf/records/record.h"

namespace bulkhead::probes {

namespace {

constexpr std::size_t kClaimsLimit = 65'536;
constexpr std::size_t kClaimSize = sizeof(bh_memory_claim) + BH_PATH_CAPACITY;

// Reads the iterator to its end. `on_text` gets what it said, in pieces, and says whether to go on.
absl::Status run(int link, const char* what, const std::function<bool(std::string_view)>& on_text) {
  const FileDescriptor iterator(bpf_iter_create(link));
  if (!iterator) return absl::ErrnoToStatus(errno, absl::StrCat("cannot begin a sweep of ", what));
  std::array<char, 65'536> piece;
  while (true) {
    const ssize_t length = read(iterator.get(), piece.data(), piece.size());
    if (length == 0) return absl::OkStatus();
    // After a million objects without a word the kernel takes a breath.
    if (length < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (length < 0) return absl::ErrnoToStatus(errno, absl::StrCat("a sweep of ", what, " broke off"));
    if (!on_text({piece.data(), static_cast<std::size_t>(length)})) return absl::OkStatus();
  }
}

// Components, deepest first, each ended by NUL.
std::string path_from(std::string_view components) {
  std::string path;
  while (!components.empty()) {
    const std::string_view name = components.substr(0, components.find('\0'));
    if (!name.empty()) path.insert(0, "/" + std::string(name));
    components.remove_prefix(std::min(name.size() + 1, components.size()));
  }
  return path;
}

// Takes whole claims off the front of `text`; false when there is one that cannot be.
bool take_claims(std::string& text, std::vector<MemoryClaim>& claims) {
  std::size_t used = 0;
  while (text.size() - used >= sizeof(bh_memory_claim)) {
    bh_memory_claim raw;
    std::memcpy(&raw, text.data() + used, sizeof(raw));
    if (raw.size != sizeof(raw) + raw.path_length || raw.size > kClaimSize) return false;
    if (text.size() - used < raw.size) break;
    claims.push_back({.key = {raw.file.inode, raw.file.device, raw.file.generation, raw.file.is_block != 0},
                      .owner = {raw.owner.tenant, raw.owner.domain},
                      .vmm = {raw.vmm_tgid, raw.vmm_start_ns},
                      .bytes = raw.bytes,
                      .path = path_from(std::string_view(text).substr(used + sizeof(raw), raw.path_length))});
    used += raw.size;
  }
  text.erase(0, used);
  return true;
}

}  // namespace

HostSweep::~HostSweep() {
  for (const int link : {links_.guest_memory, links_.descriptors, links_.mappings, links_.machines}) {
    if (link >= 0) close(link);
  }
}

absl::StatusOr<std::vector<MemoryClaim>> HostSweep::guest_memory() const {
  std::vector<MemoryClaim> claims;
  std::string text;
  bool understood = true;
  const absl::Status read = run(links_.guest_memory, "the VMMs' memory", [&](std::string_view piece) {
    text.append(piece);
    understood = take_claims(text, claims);
    return understood && claims.size() < kClaimsLimit;
  });
  if (!read.ok()) return read;
  if (!understood) return absl::DataLossError("a sweep of the VMMs' memory gave what is no claim");
  return claims;
}

absl::Status HostSweep::judge() const {
  const auto nothing = [](std::string_view) { return true; };
  absl::Status status = run(links_.descriptors, "descriptors", nothing);
  status.Update(run(links_.mappings, "mappings", nothing));
  status.Update(run(links_.machines, "virtual machines", nothing));
  return status;
}

}  // namespace bulkhead::probes
