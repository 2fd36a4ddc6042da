// DISK-08: does to a file what can be done besides opening it, by a system call or by a request of an io_uring.
#include <fcntl.h>
#include <liburing.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "tests/support/subjects/subject.h"

namespace {

constexpr const char* kUsage =
    "volume_changer [--wait] [--uring] [--no-completion] ACT PATH [OTHER]\n"
    "ACT: rename, exchange, unlink, link, truncate (to 1000 bytes), ftruncate, cut (opens with O_TRUNC), punch, "
    "extend,\n"
    "     chmod, fchmod, chown, setxattr, removexattr, reflink, reflink-range, copy-range, touch, write\n"
    "--uring: rename, unlink, link, punch, setxattr, cut; --no-completion: without one for success";

constexpr off_t kCutTo = 1000;
constexpr off_t kPunched = 4096;
constexpr const char* kAttribute = "user.bulkhead";

// Runs `act` on a descriptor.
template <typename Act>
long with_file(const char* path, int flags, Act act) {
  const int file = open(path, flags, 0600);
  if (file < 0) return -1;
  const long result = act(file);
  const int error = errno;
  close(file);
  errno = error;
  return result;
}

long reflink(const char* path, const char* other, bool range) {
  return with_file(path, O_RDONLY, [&](int source) {
    return with_file(other, O_WRONLY | O_CREAT, [&](int target) -> long {
      file_clone_range all{};
      all.src_fd = source;
      return range ? ioctl(target, FICLONERANGE, &all) : ioctl(target, FICLONE, source);
    });
  });
}

long copy_range(const char* path, const char* other) {
  return with_file(path, O_RDONLY, [&](int source) {
    return with_file(other, O_WRONLY | O_CREAT,
                     [&](int target) -> long { return copy_file_range(source, nullptr, target, nullptr, 1 << 20, 0); });
  });
}

long act_by_name(const std::string& act, const char* path, const subject::Arguments& arguments) {
  if (act == "rename") return rename(path, arguments.word(2).c_str());
  if (act == "exchange") return renameat2(AT_FDCWD, path, AT_FDCWD, arguments.word(2).c_str(), RENAME_EXCHANGE);
  if (act == "unlink") return unlink(path);
  if (act == "link") return link(path, arguments.word(2).c_str());
  if (act == "truncate") return truncate(path, kCutTo);
  if (act == "chmod") return chmod(path, 0666);
  if (act == "chown") return chown(path, 1, 1);
  if (act == "setxattr") return setxattr(path, kAttribute, "1", 1, 0);
  if (act == "removexattr") return removexattr(path, kAttribute);
  if (act == "touch") return utimensat(AT_FDCWD, path, nullptr, 0);
  if (act == "reflink" || act == "reflink-range")
    return reflink(path, arguments.word(2).c_str(), act == "reflink-range");
  if (act == "copy-range") return copy_range(path, arguments.word(2).c_str());
  if (act == "cut") return with_file(path, O_WRONLY | O_TRUNC, [](int) { return 0L; });
  return with_file(path, O_RDWR, [&](int file) -> long {
    if (act == "ftruncate") return ftruncate(file, kCutTo);
    if (act == "punch") return fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, kPunched);
    if (act == "extend") return fallocate(file, 0, 0, 1 << 20);
    if (act == "fchmod") return fchmod(file, 0666);
    if (act == "write") return write(file, "x", 1);
    arguments.fail();
  });
}

// The completion's result; without one, that of a request that follows when the first was done.
long submit(io_uring& ring, io_uring_sqe* entry, bool completes) {
  if (!completes) {
    io_uring_sqe_set_flags(entry, IOSQE_CQE_SKIP_SUCCESS | IOSQE_IO_LINK);
    io_uring_prep_nop(io_uring_get_sqe(&ring));
  }
  const int submitted = io_uring_submit(&ring);
  io_uring_cqe* completion = nullptr;
  const int waited = submitted < 0 ? submitted : io_uring_wait_cqe(&ring, &completion);
  const int result = waited < 0 ? waited : completion->res;
  errno = -result;
  return result < 0 ? -1 : result;
}

long act_by_ring(const std::string& act, const char* path, const subject::Arguments& arguments) {
  io_uring ring{};
  if (const int made = io_uring_queue_init(8, &ring, 0); made < 0) {
    errno = -made;
    return -1;
  }
  const int file = act == "punch" ? open(path, O_RDWR) : -1;
  io_uring_sqe* entry = io_uring_get_sqe(&ring);
  if (act == "rename")
    io_uring_prep_renameat(entry, AT_FDCWD, path, AT_FDCWD, arguments.word(2).c_str(), 0);
  else if (act == "unlink")
    io_uring_prep_unlinkat(entry, AT_FDCWD, path, 0);
  else if (act == "link")
    io_uring_prep_linkat(entry, AT_FDCWD, path, AT_FDCWD, arguments.word(2).c_str(), 0);
  else if (act == "punch")
    io_uring_prep_fallocate(entry, file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, kPunched);
  else if (act == "setxattr")
    io_uring_prep_setxattr(entry, kAttribute, "1", path, 0, 1);
  else if (act == "cut")
    io_uring_prep_openat(entry, AT_FDCWD, path, O_WRONLY | O_TRUNC, 0);
  else
    arguments.fail();
  const long result = submit(ring, entry, !arguments.flag("no-completion"));
  const int error = errno;
  io_uring_queue_exit(&ring);
  errno = error;
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  const subject::Arguments arguments(argc, argv, kUsage);
  const std::string& act = arguments.word(0);
  const std::string& path = arguments.word(1);
  arguments.wait_for_go();
  const long result =
      arguments.flag("uring") ? act_by_ring(act, path.c_str(), arguments) : act_by_name(act, path.c_str(), arguments);
  if (result < 0) return subject::refused((act + " " + path).c_str(), errno);
  return subject::done("%s %s: %ld", act.c_str(), path.c_str(), result);
}
