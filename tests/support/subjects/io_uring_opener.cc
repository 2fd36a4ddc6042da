// DISK-01 past the system call table: the kernel opens a file on behalf of an io_uring.
#include <fcntl.h>
#include <liburing.h>

#include "tests/support/subjects/subject.h"

namespace {

constexpr const char* kUsage =
    "io_uring_opener [--wait] [--hold] [--openat2] [--direct] [--sqpoll] [--async] [--write] [--read=BYTES] "
    "[--at=OFFSET] "
    "PATH\n"
    "--direct opens into the ring's own table: no descriptor of the process ever exists";

// The completion's result, or a negative errno.
int submit_and_wait(io_uring& ring) {
  const int submitted = io_uring_submit(&ring);
  if (submitted < 0) return submitted;
  io_uring_cqe* completion = nullptr;
  const int waited = io_uring_wait_cqe(&ring, &completion);
  if (waited < 0) return waited;
  const int result = completion->res;
  io_uring_cqe_seen(&ring, completion);
  return result;
}

int open_file(io_uring& ring, const subject::Arguments& arguments, const char* path) {
  const int flags = arguments.flag("write") ? O_RDWR : O_RDONLY;
  const bool direct = arguments.flag("direct");
  open_how how{};
  how.flags = static_cast<uint64_t>(flags);
  io_uring_sqe* entry = io_uring_get_sqe(&ring);
  if (arguments.flag("openat2") && direct)
    io_uring_prep_openat2_direct(entry, AT_FDCWD, path, &how, 0);
  else if (arguments.flag("openat2"))
    io_uring_prep_openat2(entry, AT_FDCWD, path, &how);
  else if (direct)
    io_uring_prep_openat_direct(entry, AT_FDCWD, path, flags, 0, 0);
  else
    io_uring_prep_openat(entry, AT_FDCWD, path, flags, 0);
  if (arguments.flag("async")) io_uring_sqe_set_flags(entry, IOSQE_ASYNC);
  return submit_and_wait(ring);
}

}  // namespace

int main(int argc, char** argv) {
  const subject::Arguments arguments(argc, argv, kUsage);
  const std::string& path = arguments.word(0);
  const bool direct = arguments.flag("direct");
  const uint64_t to_read = arguments.number(arguments.value("read", "0"));
  const uint64_t at = arguments.number(arguments.value("at", "0"));
  if (to_read > 1 << 20) arguments.fail();

  io_uring_params parameters{};
  if (arguments.flag("sqpoll")) {
    parameters.flags |= IORING_SETUP_SQPOLL;
    parameters.sq_thread_idle = 1000;
  }
  io_uring ring{};
  const int made = io_uring_queue_init_params(8, &ring, &parameters);
  if (made < 0) return subject::refused("io_uring_setup", -made);
  if (direct) {
    const int registered = io_uring_register_files_sparse(&ring, 1);
    if (registered < 0) return subject::refused("IORING_REGISTER_FILES", -registered);
  }
  arguments.wait_for_go();

  const int file = open_file(ring, arguments, path.c_str());
  if (file < 0) return subject::refused("open", -file);
  int read_bytes = 0;
  if (to_read > 0) {
    std::string buffer(to_read, '\0');
    io_uring_sqe* entry = io_uring_get_sqe(&ring);
    io_uring_prep_read(entry, direct ? 0 : file, buffer.data(), static_cast<unsigned>(buffer.size()), at);
    io_uring_sqe_set_flags(entry, (direct ? IOSQE_FIXED_FILE : 0u) | (arguments.flag("async") ? IOSQE_ASYNC : 0u));
    read_bytes = submit_and_wait(ring);
    if (read_bytes < 0) return subject::refused("read", -read_bytes);
  }
  const int status = subject::done("io_uring %s%s %s read %d bytes", arguments.flag("openat2") ? "openat2" : "openat",
                                   direct ? " direct" : "", path.c_str(), read_bytes);
  while (arguments.flag("hold") && std::getchar() != EOF) {
  }
  io_uring_queue_exit(&ring);
  return status;
}
