#include "agent/guard/canary_acts.h"

#include <fcntl.h>
#include <linux/kcmp.h>
#include <linux/openat2.h>
#include <linux/perf_event.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <new>

#include "absl/strings/str_cat.h"

namespace bulkhead::guard {

namespace {

using spool::FileDescriptor;

sockaddr_un address_of(const std::filesystem::path& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  return address;
}

// What the call returns is a descriptor that is closed at once, or a refusal: the hook saw it either way.
void drop(long result) {
  const FileDescriptor descriptor(result < 0 ? -1 : static_cast<int>(result));
}

}  // namespace

CanaryActs::CanaryActs(probes::OwnershipMaps& maps, const std::filesystem::path& dir)
    : maps_(maps), file_(dir / "canary"), socket_path_(dir / "canary.sock") {}

absl::StatusOr<std::unique_ptr<CanaryActs>> CanaryActs::create(probes::OwnershipMaps& maps,
                                                               const std::filesystem::path& dir) {
  std::unique_ptr<CanaryActs> acts(new CanaryActs(maps, dir));
  if (absl::Status status = acts->open(); !status.ok()) return status;
  return acts;
}

absl::Status CanaryActs::open() {
  if (auto file = spool::open_file(file_, O_CREAT | O_WRONLY | O_TRUNC); !file.ok()) return file.status();
  const auto file_key = maps_.file_key(file_);
  if (!file_key.ok()) return file_key.status();
  file_key_ = *file_key;

  if (socket_path_.native().size() >= sizeof(sockaddr_un::sun_path)) {
    return absl::InvalidArgumentError(absl::StrCat(socket_path_.string(), " is too long for a socket's name"));
  }
  unlink(socket_path_.c_str());
  socket_ = FileDescriptor(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const sockaddr_un address = address_of(socket_path_);
  if (bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return spool::system_error(socket_path_, "made", errno);
  }
  const auto socket_key = maps_.endpoint_key(socket_path_);
  if (!socket_key.ok()) return socket_key.status();
  socket_key_ = *socket_key;

  const auto self = maps_.process(static_cast<std::uint32_t>(getpid()));
  if (!self.ok()) return self.status();
  const probes::Owner agent = {.tenant = probes::kAgentNumber, .domain = 0};
  if (absl::Status status = maps_.set_agent(*self); !status.ok()) return status;
  if (absl::Status status = maps_.set_volume(file_key_, agent); !status.ok()) return status;
  return maps_.set_endpoint(socket_key_, agent, v1::ENDPOINT_KIND_MONITOR);
}

CanaryActs::~CanaryActs() {
  if (file_key_ != probes::FileKey{}) maps_.remove_volume(file_key_);
  if (socket_key_ != probes::EndpointKey{}) maps_.remove_endpoint(socket_key_);
  unlink(socket_path_.c_str());
}

void CanaryActs::commit() const {
  open_file();
  open_by_handle();
  touch_memory();
  connect_socket();
}

void CanaryActs::open_file() const {
  const char* path = file_.c_str();
  drop(syscall(SYS_open, path, O_RDONLY | O_CLOEXEC));
  drop(syscall(SYS_creat, path, 0600));
  drop(syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC));
  open_how how = {};
  how.flags = O_RDONLY | O_CLOEXEC;
  drop(syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how)));
}

void CanaryActs::open_by_handle() const {
  alignas(file_handle) std::array<std::byte, sizeof(file_handle) + MAX_HANDLE_SZ> bytes = {};
  auto* handle = new (bytes.data()) file_handle;
  handle->handle_bytes = MAX_HANDLE_SZ;
  int mount = 0;
  // A file system without handles: nobody can open its files so.
  if (name_to_handle_at(AT_FDCWD, file_.c_str(), handle, &mount, 0) != 0) return;
  const FileDescriptor directory(::open(file_.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  drop(open_by_handle_at(directory.get(), handle, O_RDONLY | O_CLOEXEC));
}

void CanaryActs::touch_memory() const {
  const pid_t self = getpid();
  char source = 0, target = 0;
  const iovec local = {.iov_base = &target, .iov_len = 1};
  const iovec remote = {.iov_base = &source, .iov_len = 1};
  process_vm_readv(self, &local, 1, &remote, 1, 0);
  process_vm_writev(self, &local, 1, &remote, 1, 0);
  // Nobody traces itself: refused, and seen.
  ptrace(PTRACE_SEIZE, self, nullptr, nullptr);
  const FileDescriptor memory(::open("/proc/self/mem", O_RDONLY | O_CLOEXEC));
  if (memory.valid()) {
    const ssize_t read = pread(memory.get(), &target, 1, static_cast<off_t>(reinterpret_cast<std::uintptr_t>(&source)));
    static_cast<void>(read);
  }
  const FileDescriptor process(static_cast<int>(syscall(SYS_pidfd_open, self, 0)));
  drop(syscall(SYS_pidfd_getfd, process.get(), socket_.get(), 0));
  syscall(SYS_process_madvise, process.get(), &local, 1, MADV_COLD, 0);
  perf_event_attr nothing = {};
  nothing.size = sizeof(nothing);
  nothing.type = PERF_TYPE_SOFTWARE;
  nothing.config = PERF_COUNT_SW_DUMMY;
  nothing.disabled = 1;
  drop(syscall(SYS_perf_event_open, &nothing, self, -1, -1, PERF_FLAG_FD_CLOEXEC));
  syscall(SYS_kcmp, self, self, KCMP_VM, 0, 0);
}

void CanaryActs::connect_socket() const {
  const FileDescriptor client(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const sockaddr_un address = address_of(socket_path_);
  const int connected = connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  static_cast<void>(connected);
}

}  // namespace bulkhead::guard
