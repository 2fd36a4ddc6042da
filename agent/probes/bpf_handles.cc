#include "agent/probes/bpf_handles.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <atomic>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <thread>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace bulkhead::probes {

namespace {
thread_local LibbpfMessages* current = nullptr;
constexpr std::size_t kMessagesKept = 64 * 1024;
}  // namespace

int keep_message(libbpf_print_level level, const char* format, va_list arguments) {
  if (level == LIBBPF_DEBUG || current == nullptr) return 0;
  std::vector<char> line(4096);
  const int length = std::vsnprintf(line.data(), line.size(), format, arguments);
  if (length > 0) current->text_.append(line.data());
  if (current->text_.size() > kMessagesKept) current->text_.erase(0, current->text_.size() - kMessagesKept);
  return 0;
}

bool is_attached(const bpf_link* link) {
  bpf_link_info info = {};
  std::uint32_t size = sizeof(info);
  return bpf_obj_get_info_by_fd(bpf_link__fd(link), &info, &size) == 0;
}

void release_together(std::vector<LinkPtr> links) {
  constexpr std::size_t kThreads = 16;
  std::atomic<std::size_t> next = 0;
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < std::min(kThreads, links.size()); ++i) {
    threads.emplace_back([&] {
      for (std::size_t mine = next++; mine < links.size(); mine = next++) links[mine].reset();
    });
  }
}

LibbpfMessages::LibbpfMessages() {
  libbpf_set_print(keep_message);
  current = this;
}

LibbpfMessages::~LibbpfMessages() {
  current = nullptr;
}

std::string LibbpfMessages::reason() const {
  std::string verdict;
  for (const absl::string_view line : absl::StrSplit(text_, '\n')) {
    const absl::string_view stripped = absl::StripAsciiWhitespace(line);
    if (!absl::StartsWith(stripped, "libbpf: ") || absl::StrContains(stripped, "PROG LOAD LOG")) continue;
    if (absl::StrContains(stripped, "failed to load object")) continue;
    verdict = std::string(stripped.substr(8));
  }
  return verdict;
}

std::string refusal(int error, const std::string& reason) {
  return absl::StrCat(std::strerror(error), reason.empty() ? "" : " (", reason, reason.empty() ? "" : ")");
}

}  // namespace bulkhead::probes
