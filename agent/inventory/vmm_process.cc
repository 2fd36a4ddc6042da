#include "agent/inventory/vmm_process.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <memory>
#include <optional>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "agent/inventory/domain_xml.h"
#include "agent/inventory/host_files.h"
#include "agent/inventory/xml_document.h"

namespace bulkhead::inventory {
namespace {

constexpr std::string_view kSuffix = ".pid";
constexpr std::size_t kCommandLineBytes = 2u << 20;  // the kernel's own limit on arguments, ARG_MAX
constexpr std::size_t kStatBytes = 4096;

absl::StatusOr<std::string> read_all(int fd, std::size_t limit, const std::string& path) {
  std::string text;
  char buffer[8192];
  for (;;) {
    const ssize_t count = ::read(fd, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    // ESRCH: the process of a file in /proc has ended.
    if (count < 0 && errno == ESRCH) return absl::NotFoundError(fmt::format("{}: the process has ended", path));
    if (count < 0) return absl::ErrnoToStatus(errno, fmt::format("{}: cannot read", path));
    if (count == 0) return text;
    text.append(buffer, static_cast<std::size_t>(count));
    if (text.size() > limit) return absl::FailedPreconditionError(fmt::format("{}: is too large", path));
  }
}

absl::StatusOr<std::string> read_file(const std::string& path, std::size_t limit) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return absl::ErrnoToStatus(errno, fmt::format("{}: cannot open", path));
  const absl::Cleanup close_file = [fd] { ::close(fd); };
  return read_all(fd, limit, path);
}

std::optional<std::uint32_t> to_pid(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  std::int32_t pid = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
  if (error != std::errc() || end != text.data() + text.size() || pid <= 0) return std::nullopt;
  return static_cast<std::uint32_t>(pid);
}

// Field 22. The command's name before it may contain anything, so fields are counted from the last ')'.
absl::StatusOr<std::uint64_t> start_ticks_of(std::uint32_t pid) {
  const std::string path = fmt::format("/proc/{}/stat", pid);
  auto text = read_file(path, kStatBytes);
  if (!text.ok()) return text.status();
  std::size_t position = text->rfind(')');
  for (int field = 2; field < 22 && position != std::string::npos; ++field) position = text->find(' ', position + 1);
  std::uint64_t ticks = 0;
  if (position == std::string::npos ||
      std::from_chars(text->data() + position + 1, text->data() + text->size(), ticks).ec != std::errc()) {
    return absl::FailedPreconditionError(fmt::format("{}: has no start time", path));
  }
  return ticks;
}

absl::StatusOr<std::vector<std::string>> arguments_of(std::uint32_t pid) {
  auto text = read_file(fmt::format("/proc/{}/cmdline", pid), kCommandLineBytes);
  if (!text.ok()) return text.status();
  std::vector<std::string> arguments;
  for (std::size_t begin = 0; begin < text->size();) {
    const std::size_t end = std::min(text->find('\0', begin), text->size());
    arguments.push_back(text->substr(begin, end - begin));
    begin = end + 1;
  }
  return arguments;
}

std::string value_after(const std::vector<std::string>& arguments, std::string_view option) {
  for (std::size_t i = 0; i + 1 < arguments.size(); ++i) {
    if (arguments[i] == option) return arguments[i + 1];
  }
  return {};
}

// "guest=NAME,debug-threads=on"; a comma in the name is doubled.
std::string guest_name(const std::string& value) {
  constexpr std::string_view kPrefix = "guest=";
  if (!value.starts_with(kPrefix)) return {};
  std::string name;
  for (std::size_t i = kPrefix.size(); i < value.size(); ++i) {
    if (value[i] == ',') {
      if (i + 1 >= value.size() || value[i + 1] != ',') break;
      ++i;
    }
    name.push_back(value[i]);
  }
  return name;
}

bool is_file_name(std::string_view name) {
  return !name.empty() && name.size() + kSuffix.size() <= 255 && name.find('/') == std::string_view::npos &&
         name.find('\0') == std::string_view::npos;
}

absl::Status check_owner(int fd, const std::string& path) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return absl::ErrnoToStatus(errno, fmt::format("{}: cannot stat", path));
  if (!S_ISREG(status.st_mode)) return absl::FailedPreconditionError(fmt::format("{}: is not a regular file", path));
  if (status.st_uid != 0 && status.st_uid != ::geteuid()) {
    return absl::FailedPreconditionError(fmt::format("{}: belongs to user {}, not to root", path, status.st_uid));
  }
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return absl::FailedPreconditionError(fmt::format("{}: others than its owner may write it", path));
  }
  return absl::OkStatus();
}

// A write lock needs the file open for writing, which only its owner can have: unlike the file's content, it cannot
// outlive the process, and unlike a command line, nobody else can have it.
absl::Status check_lock(int fd, std::uint32_t pid, const std::string& path) {
  struct flock lock{};
  lock.l_type = F_RDLCK;  // conflicts with write locks alone
  lock.l_whence = SEEK_SET;
  if (::fcntl(fd, F_GETLK, &lock) != 0)
    return absl::ErrnoToStatus(errno, fmt::format("{}: cannot ask for locks", path));
  if (lock.l_type == F_UNLCK) {
    return absl::NotFoundError(fmt::format("{}: is stale: no process holds its lock", path));
  }
  if (lock.l_pid != static_cast<pid_t>(pid)) {
    return absl::FailedPreconditionError(
        fmt::format("{}: names process {}, but {} holds its lock", path, pid, lock.l_pid));
  }
  return absl::OkStatus();
}

struct Status {
  std::string uuid;
  std::string monitor;  // of its socket, when it is one
  std::optional<std::vector<HostFile>> host_files;
};

// What libvirt's status file of a running domain says, when that file is about this process.
Status read_status(const std::string& path, std::uint32_t pid) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return {};
  const absl::Cleanup close_file = [fd] { ::close(fd); };
  if (!check_owner(fd, path).ok()) return {};
  auto text = read_all(fd, kMaxXmlBytes, path);
  if (!text.ok()) return {};
  auto document = parse_xml(*text, {.bytes = kMaxXmlBytes, .depth = kMaxXmlDepth});
  if (!document.ok()) return {};
  const xmlNode* root = xmlDocGetRootElement(document->get());
  if (root == nullptr || local_name(*root) != "domstatus") return {};
  if (to_pid(attribute(root, "pid").value_or("")) != pid) return {};
  const xmlNode* monitor = child(root, "monitor");
  const bool is_socket = attribute(monitor, "type").value_or("") == "unix";
  return {.uuid = absl::AsciiStrToLower(text_of(child(child(root, "domain"), "uuid"))),
          .monitor = is_socket ? attribute(monitor, "path").value_or("") : "",
          .host_files = read_host_files(root)};
}

// The pid that a pid file names, without any check: for searching.
std::optional<std::uint32_t> peek_pid(const std::string& path) {
  auto text = read_file(path, 64);
  return text.ok() ? to_pid(*text) : std::nullopt;
}

std::vector<std::string> names_in(const std::string& pid_dir) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(pid_dir.c_str()), ::closedir);
  if (directory == nullptr) return names;
  while (const dirent* entry = ::readdir(directory.get())) {
    const std::string_view file = entry->d_name;
    // "driver.pid" is libvirtd's own; a domain of that name overwrites it, and then the checks decide.
    if (file.size() > kSuffix.size() && file.ends_with(kSuffix)) {
      names.emplace_back(file.substr(0, file.size() - kSuffix.size()));
    }
  }
  return names;
}

}  // namespace

VmmProcesses::VmmProcesses(std::string run_dir) : pid_dir_(std::move(run_dir) + "/qemu") {}

bool VmmProcesses::has_pid_files() const {
  return ::access(pid_dir_.c_str(), R_OK | X_OK) == 0;
}

absl::StatusOr<VmmProcess> VmmProcesses::of_domain(std::string_view name) const {
  if (!is_file_name(name)) return absl::NotFoundError("the domain's name cannot be a pid file's");
  const std::string path = fmt::format("{}/{}{}", pid_dir_, name, kSuffix);
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return absl::ErrnoToStatus(errno, fmt::format("{}: cannot open", path));
  const absl::Cleanup close_file = [fd] { ::close(fd); };
  if (auto status = check_owner(fd, path); !status.ok()) return status;
  auto text = read_all(fd, 64, path);
  if (!text.ok()) return text.status();
  const auto pid = to_pid(*text);
  // libvirt creates the file, locks it, then writes it.
  if (!pid) return absl::NotFoundError(fmt::format("{}: names no process", path));

  VmmProcess process{
      .pid = *pid, .start_ticks = 0, .name = std::string(name), .uuid = "", .monitor = "", .host_files = {}};
  const auto started = start_ticks_of(*pid);
  if (!started.ok()) return started.status();
  if (auto status = check_lock(fd, *pid, path); !status.ok()) return status;
  Status status = read_status(fmt::format("{}/{}.xml", pid_dir_, name), *pid);
  process.uuid = std::move(status.uuid);
  process.monitor = std::move(status.monitor);
  process.host_files = std::move(status.host_files);
  if (process.uuid.empty()) {
    const auto arguments = arguments_of(*pid);
    if (!arguments.ok()) return arguments.status();
    process.uuid = absl::AsciiStrToLower(value_after(*arguments, "-uuid"));
  }
  const auto still = start_ticks_of(*pid);
  if (!still.ok()) return still.status();
  if (*still != *started) return absl::NotFoundError(fmt::format("{}: its process was replaced meanwhile", path));
  process.start_ticks = *started;
  return process;
}

VmmProcesses::Identity VmmProcesses::identify(std::uint32_t pid) const {
  const auto arguments = arguments_of(pid);
  if (!arguments.ok()) return {Verdict::kNotAVmm, {}, std::string(arguments.status().message())};
  const std::string hint = guest_name(value_after(*arguments, "-name"));
  std::vector<std::string> names;
  if (is_file_name(hint) && peek_pid(fmt::format("{}/{}{}", pid_dir_, hint, kSuffix)) == pid) {
    names.push_back(hint);
  } else {
    names = names_in(pid_dir_);
  }
  std::string reason = "no pid file names it";
  for (const std::string& name : names) {
    if (peek_pid(fmt::format("{}/{}{}", pid_dir_, name, kSuffix)) != pid) continue;
    auto process = of_domain(name);
    // Without a uuid it is libvirtd itself, or a probe of libvirt's.
    if (process.ok() && !process->uuid.empty()) return {Verdict::kVmm, *std::move(process), ""};
    reason =
        process.ok() ? fmt::format("{}.pid: was started for no domain", name) : std::string(process.status().message());
  }
  // libvirt gives a VMM its uuid, and its capability probe none. A forged one leads to questions, not to trust.
  const bool claims_domain = !value_after(*arguments, "-uuid").empty();
  return {claims_domain ? Verdict::kNotYetKnown : Verdict::kNotAVmm, {}, std::move(reason)};
}

}  // namespace bulkhead::inventory
