// DISK-01, DISK-04 and DISK-09: reads and writes a file or block device in each of the ways that Linux offers.
#include <fcntl.h>
#include <liburing.h>
#include <linux/aio_abi.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <functional>
#include <map>

#include "tests/support/subjects/subject.h"

namespace {

constexpr const char* kUsage =
    "volume_user [--wait [--each]] [--hold] [--direct] [--chunk=BYTES] [--times=NUMBER] METHOD PATH BYTES [OTHER]\n"
    "METHOD: read, pread, readv, write, pwrite, writev, aio-read, aio-write, ring-read, ring-write,\n"
    "        splice (to a pipe), sendfile (to OTHER), copy-from (to OTHER), copy-to (from OTHER),\n"
    "        map-read, map-write, discard, zero (BLKDISCARD, BLKZEROOUT), fsync (nothing else)\n"
    "The first BYTES are moved, in chunks (all at once if not said), NUMBER times over, with --each\n"
    "waiting again before each. --direct: O_DIRECT.";

struct Use {
  int file = -1;
  int other = -1;
  char* buffer = nullptr;  // of one chunk
  size_t chunk = 0;
  size_t bytes = 0;
};

// Each moves one chunk at the offset, and returns how much it moved or -1 with errno.
using Method = std::function<ssize_t(const Use& use, off_t offset)>;

ssize_t by_aio(const Use& use, off_t offset, unsigned short operation) {
  aio_context_t context = 0;
  if (syscall(SYS_io_setup, 1, &context) != 0) return -1;
  iocb request{};
  request.aio_fildes = static_cast<unsigned>(use.file);
  request.aio_lio_opcode = operation;
  request.aio_buf = reinterpret_cast<uint64_t>(use.buffer);
  request.aio_nbytes = use.chunk;
  request.aio_offset = offset;
  iocb* requests[] = {&request};
  io_event event{};
  ssize_t moved = -1;
  if (syscall(SYS_io_submit, context, 1, requests) == 1 &&
      syscall(SYS_io_getevents, context, 1, 1, &event, nullptr) == 1) {
    moved = static_cast<ssize_t>(event.res);
  }
  syscall(SYS_io_destroy, context);
  return moved;
}

ssize_t by_ring(const Use& use, off_t offset, bool writes) {
  io_uring ring{};
  if (const int error = io_uring_queue_init(4, &ring, 0); error < 0) {
    errno = -error;
    return -1;
  }
  io_uring_sqe* request = io_uring_get_sqe(&ring);
  if (writes)
    io_uring_prep_write(request, use.file, use.buffer, static_cast<unsigned>(use.chunk), static_cast<uint64_t>(offset));
  else
    io_uring_prep_read(request, use.file, use.buffer, static_cast<unsigned>(use.chunk), static_cast<uint64_t>(offset));
  io_uring_cqe* done = nullptr;
  ssize_t moved = -1;
  if (io_uring_submit(&ring) == 1 && io_uring_wait_cqe(&ring, &done) == 0) moved = done->res;
  io_uring_queue_exit(&ring);
  return moved;
}

ssize_t by_splice(const Use& use, off_t offset) {
  int ends[2];
  if (pipe(ends) != 0) return -1;
  ssize_t moved = 0;
  while (moved < static_cast<ssize_t>(use.chunk)) {
    loff_t from = offset + moved;
    const ssize_t part = splice(use.file, &from, ends[1], nullptr, use.chunk - static_cast<size_t>(moved), 0);
    if (part <= 0) break;
    for (ssize_t taken = 0; taken < part;) {
      const ssize_t some = read(ends[0], use.buffer, static_cast<size_t>(part - taken));
      if (some <= 0) return -1;
      taken += some;
    }
    moved += part;
  }
  close(ends[0]);
  close(ends[1]);
  return moved;
}

ssize_t by_copy(int from, int to, const Use& use, off_t offset) {
  loff_t source = offset, target = offset;
  return copy_file_range(from, &source, to, &target, use.chunk, 0);
}

ssize_t by_mapping(const Use& use, off_t offset, bool writes) {
  const int protection = writes ? PROT_READ | PROT_WRITE : PROT_READ;
  void* memory = mmap(nullptr, use.chunk, protection, MAP_SHARED, use.file, offset);
  if (memory == MAP_FAILED) return -1;
  auto* bytes = static_cast<volatile char*>(memory);
  char sum = 0;
  for (size_t at = 0; at < use.chunk; at += 4096) {
    if (writes)
      bytes[at] = 'w';
    else
      sum = static_cast<char>(sum + bytes[at]);
  }
  *use.buffer = sum;
  munmap(memory, use.chunk);
  return static_cast<ssize_t>(use.chunk);
}

ssize_t by_range(const Use& use, off_t offset, unsigned long request) {
  uint64_t range[2] = {static_cast<uint64_t>(offset), use.chunk};
  return ioctl(use.file, request, range) == 0 ? static_cast<ssize_t>(use.chunk) : -1;
}

const std::map<std::string, Method>& methods() {
  static const std::map<std::string, Method> all = {
      {"read",
       [](const Use& use, off_t offset) {
         return lseek(use.file, offset, SEEK_SET) < 0 ? -1 : read(use.file, use.buffer, use.chunk);
       }},
      {"pread", [](const Use& use, off_t offset) { return pread(use.file, use.buffer, use.chunk, offset); }},
      {"readv",
       [](const Use& use, off_t offset) {
         const iovec halves[] = {{use.buffer, use.chunk / 2}, {use.buffer + use.chunk / 2, use.chunk - use.chunk / 2}};
         return preadv(use.file, halves, 2, offset);
       }},
      {"write",
       [](const Use& use, off_t offset) {
         return lseek(use.file, offset, SEEK_SET) < 0 ? -1 : write(use.file, use.buffer, use.chunk);
       }},
      {"pwrite", [](const Use& use, off_t offset) { return pwrite(use.file, use.buffer, use.chunk, offset); }},
      {"writev",
       [](const Use& use, off_t offset) {
         const iovec halves[] = {{use.buffer, use.chunk / 2}, {use.buffer + use.chunk / 2, use.chunk - use.chunk / 2}};
         return pwritev(use.file, halves, 2, offset);
       }},
      {"aio-read", [](const Use& use, off_t offset) { return by_aio(use, offset, IOCB_CMD_PREAD); }},
      {"aio-write", [](const Use& use, off_t offset) { return by_aio(use, offset, IOCB_CMD_PWRITE); }},
      {"ring-read", [](const Use& use, off_t offset) { return by_ring(use, offset, false); }},
      {"ring-write", [](const Use& use, off_t offset) { return by_ring(use, offset, true); }},
      {"splice", by_splice},
      {"sendfile",
       [](const Use& use, off_t offset) {
         off_t from = offset;
         return sendfile(use.other, use.file, &from, use.chunk);
       }},
      {"copy-from", [](const Use& use, off_t offset) { return by_copy(use.file, use.other, use, offset); }},
      {"copy-to", [](const Use& use, off_t offset) { return by_copy(use.other, use.file, use, offset); }},
      {"map-read", [](const Use& use, off_t offset) { return by_mapping(use, offset, false); }},
      {"map-write", [](const Use& use, off_t offset) { return by_mapping(use, offset, true); }},
      {"discard", [](const Use& use, off_t offset) { return by_range(use, offset, BLKDISCARD); }},
      {"zero", [](const Use& use, off_t offset) { return by_range(use, offset, BLKZEROOUT); }},
      {"fsync", [](const Use& use, off_t) { return fsync(use.file) == 0 ? static_cast<ssize_t>(use.chunk) : -1; }},
  };
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  const subject::Arguments arguments(argc, argv, kUsage);
  const std::string& name = arguments.word(0);
  const std::string& path = arguments.word(1);
  Use use;
  use.bytes = arguments.word_number(2);
  use.chunk = arguments.number(arguments.value("chunk", std::to_string(use.bytes)));
  const uint64_t times = arguments.number(arguments.value("times", "1"));
  const auto method = methods().find(name);
  if (method == methods().end() || use.chunk == 0 || use.bytes % use.chunk != 0) arguments.fail();

  use.file = open(path.c_str(), O_RDWR | O_CLOEXEC | (arguments.flag("direct") ? O_DIRECT : 0));
  if (use.file < 0) return subject::refused("open", errno);
  if (arguments.words() > 3) use.other = open(arguments.word(3).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  use.buffer = static_cast<char*>(std::aligned_alloc(4096, (use.chunk + 4095) / 4096 * 4096));
  std::memset(use.buffer, 'u', use.chunk);
  arguments.wait_for_go();

  for (uint64_t time = 0; time < times; ++time) {
    if (time > 0 && arguments.flag("each")) arguments.wait_for_go();
    for (size_t offset = 0; offset < use.bytes; offset += use.chunk) {
      const ssize_t moved = method->second(use, static_cast<off_t>(offset));
      if (moved != static_cast<ssize_t>(use.chunk)) return subject::refused(name.c_str(), moved < 0 ? errno : EIO);
    }
  }
  const int status = subject::done("%s %s", name.c_str(), path.c_str());
  while (arguments.flag("hold") && std::getchar() != EOF) {
  }
  return status;
}
