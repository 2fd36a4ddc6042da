#include "tests/bench/hooked_acts.h"

#include <fcntl.h>
#include <linux/kcmp.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>

namespace bulkhead::bench {

namespace {

using test::TapNetwork;

constexpr std::size_t kPage = 4096;

void need(bool done, const char* what) {
  if (!done) fail(what);
}

void open_and_close(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  need(file >= 0, path.c_str());
  close(file);
}

void measure_itself() {
  perf_event_attr attributes = {};
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.size = sizeof(attributes);
  attributes.config = PERF_COUNT_SW_DUMMY;
  const auto event = syscall(SYS_perf_event_open, &attributes, getpid(), -1, -1, PERF_FLAG_FD_CLOEXEC);
  need(event >= 0, "perf_event_open");
  close(static_cast<int>(event));
}

void fork_and_wait() {
  const pid_t child = fork();
  if (child == 0) _exit(0);
  need(child > 0 && waitpid(child, nullptr, 0) == child, "fork");
}

void execute_and_wait() {
  pid_t child = 0;
  char name[] = "true";
  char* const arguments[] = {name, nullptr};
  need(posix_spawn(&child, "/bin/true", nullptr, nullptr, arguments, environ) == 0, "/bin/true");
  need(waitpid(child, nullptr, 0) == child, "waitpid");
}

}  // namespace

void fail(const std::string& what) {
  std::cerr << "bench_fast_path: " << what << ": " << std::strerror(errno) << '\n';
  std::exit(4);
}

HookedActs::HookedActs() : memory_(2 * kPage) {
  std::string pattern = std::filesystem::temp_directory_path() / "bulkhead-bench-XXXXXX";
  need(mkdtemp(pattern.data()) != nullptr, "a temporary directory");
  directory_ = pattern;
  stranger_ = directory_ + "/stranger";
  volume_ = directory_ + "/volume";
  std::ofstream(stranger_) << "content";
  std::ofstream(volume_) << "content";
  stranger_file_ = stage::FileDescriptor(open(stranger_.c_str(), O_RDWR | O_CLOEXEC));
  volume_file_ = stage::FileDescriptor(open(volume_.c_str(), O_RDWR | O_CLOEXEC));
  need(stranger_file_.get() >= 0 && volume_file_.get() >= 0, "open");
  int ends[2];
  need(pipe2(ends, O_CLOEXEC) == 0, "pipe");
  pipe_[0] = stage::FileDescriptor(ends[0]);
  pipe_[1] = stage::FileDescriptor(ends[1]);
  itself_ = stage::FileDescriptor(static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0)));
  need(itself_.get() >= 0, "pidfd_open");
  need(std::signal(SIGUSR1, [](int) {}) != SIG_ERR, "signal");
  listen();
  // The bridge learns where all ends are, so that frames are forwarded and not flooded.
  for (std::size_t tap = 0; tap < 2 * kTenantsTaps; ++tap) {
    taps_.send(tap, test::ipv4_frame(TapNetwork::mac(tap), TapNetwork::mac(tap), {}, {}, 0));
  }
}

HookedActs::~HookedActs() {
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

// A datagram socket: nobody has to accept.
void HookedActs::listen() {
  server_address_.sun_family = AF_UNIX;
  const std::string path = directory_ + "/socket";
  need(path.size() < sizeof server_address_.sun_path, "a path that is short enough for a socket");
  std::strcpy(server_address_.sun_path, path.c_str());
  server_ = stage::FileDescriptor(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const auto* address = reinterpret_cast<const sockaddr*>(&server_address_);
  need(bind(server_.get(), address, sizeof server_address_) == 0, path.c_str());
}

void HookedActs::connect_and_close() const {
  const int client = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const auto* address = reinterpret_cast<const sockaddr*>(&server_address_);
  need(connect(client, address, sizeof server_address_) == 0, "connect");
  close(client);
}

void HookedActs::read_own_memory() {
  iovec to = {memory_.data(), 8};
  iovec from = {memory_.data() + kPage, 8};
  need(process_vm_readv(getpid(), &to, 1, &from, 1, 0) == 8, "process_vm_readv");
}

void HookedActs::advise_on_itself() {
  const auto start = (reinterpret_cast<std::uintptr_t>(memory_.data()) + kPage - 1) / kPage * kPage;
  const iovec page = {reinterpret_cast<void*>(start), kPage};
  need(syscall(SYS_process_madvise, itself_.get(), &page, 1, MADV_WILLNEED, 0) == static_cast<long>(kPage),
       "process_madvise");
}

void HookedActs::add_files(std::vector<Act>& acts) {
  acts.push_back({"openat + close, nobody's file", [this] { open_and_close(stranger_); }, 100});
  acts.push_back({"openat + close, of procfs", [] { open_and_close("/proc/self/stat"); }, 100});
  acts.push_back({.name = "openat + close, own volume",
                  .once = [this] { open_and_close(volume_); },
                  .batch = 100,
                  .by_host = false});
  acts.push_back({"socket + connect + close, nobody's socket", [this] { connect_and_close(); }, 100});
}

// Of pages that are in memory, and of sectors that are not.
void HookedActs::add_file_io(std::vector<Act>& acts) {
  for (const bool owned : {false, true}) {
    const int file = (owned ? volume_file_ : stranger_file_).get();
    const char* whose = owned ? "own volume" : "nobody's file";
    const bool host = !owned;
    acts.push_back({.name = std::string("pread of 4 KiB, ") + whose,
                    .once = [this, file] { need(pread(file, memory_.data(), kPage, 0) > 0, "pread"); },
                    .batch = 100,
                    .by_host = host});
    acts.push_back({.name = std::string("pwrite of 4 KiB, ") + whose,
                    .once = [this, file] { need(pwrite(file, memory_.data(), kPage, 0) > 0, "pwrite"); },
                    .batch = 100,
                    .by_host = host});
    acts.push_back({.name = std::string("mmap + fault + munmap, ") + whose,
                    .once =
                        [file] {
                          void* page = mmap(nullptr, kPage, PROT_READ, MAP_SHARED, file, 0);
                          need(page != MAP_FAILED, "mmap");
                          static_cast<void>(*static_cast<volatile char*>(page));
                          munmap(page, kPage);
                        },
                    .batch = 100,
                    .by_host = host});
  }
  acts.push_back({"read of a pipe and write to it",
                  [this] {
                    need(write(pipe_[1].get(), memory_.data(), 8) == 8, "write");
                    need(read(pipe_[0].get(), memory_.data(), 8) == 8, "read");
                  },
                  100});
}

void HookedActs::add_processes(std::vector<Act>& acts) {
  acts.push_back({"process_vm_readv of 8 bytes, itself", [this] { read_own_memory(); }, 100});
  acts.push_back({"process_madvise, itself", [this] { advise_on_itself(); }, 100});
  acts.push_back({"pidfd_getfd + close, itself",
                  [this] {
                    const auto file = syscall(SYS_pidfd_getfd, itself_.get(), STDERR_FILENO, 0);
                    need(file >= 0, "pidfd_getfd");
                    close(static_cast<int>(file));
                  },
                  100});
  acts.push_back(
      {"kcmp, itself", [] { need(syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, 2, 2) == 0, "kcmp"); }, 100});
  acts.push_back({"perf_event_open + close, itself", measure_itself, 10});
  acts.push_back({"unshare of nothing", [] { need(unshare(0) == 0, "unshare"); }, 100});
  acts.push_back({.name = "setuid to what it is",
                  .once = [] { need(syscall(SYS_setuid, getuid()) == 0, "setuid"); },
                  .batch = 100,
                  .by_vmm = false});
  acts.push_back({"signal to itself, handled", [] { need(raise(SIGUSR1) == 0, "raise"); }, 100});
  acts.push_back({.name = "two context switches, of no vCPU",
                  .once = [this] { partner_.ask(); },
                  .batch = 100,
                  .on_one_cpu = true});
  acts.push_back({"fork + exit + wait", fork_and_wait, 5});
  acts.push_back({.name = "spawn of a program + wait", .once = execute_and_wait, .batch = 2, .by_vmm = false});
}

// Whose process writes it does not matter: a port has its owner.
void HookedActs::add_frames(std::vector<Act>& acts) {
  for (const bool owned : {false, true}) {
    const std::size_t from = owned ? 0 : kTenantsTaps;
    const auto frame =
        test::ipv4_frame(TapNetwork::mac(from + 1), TapNetwork::mac(from), {10, 0, 0, 1}, {10, 0, 0, 2}, 66);
    acts.push_back({.name = "frame tap-bridge-tap",
                    .once =
                        [this, from, frame] {
                          taps_.send(from, frame);
                          need(taps_.receive(from + 1, TapNetwork::mac(from), 1000).has_value(), "a frame got lost");
                        },
                    .batch = 100,
                    .by_host = !owned,
                    .by_vmm = owned});
  }
}

std::vector<Act> HookedActs::all() {
  std::vector<Act> acts;
  acts.push_back({"system call that no probe needs (getppid)", [] { getppid(); }, 1000});
  add_files(acts);
  add_file_io(acts);
  add_processes(acts);
  add_frames(acts);
  return acts;
}

}  // namespace bulkhead::bench
