// DISK-01: opens a file in each of the ways that Linux offers. io_uring has a subject of its own.
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

#include <filesystem>
#include <memory>

#include "tests/support/subjects/subject.h"

namespace {

constexpr const char* kUsage =
    "file_opener [--wait] [--hold] [--write] [--read=BYTES] [--flags=NUMBER] METHOD PATH [LINK]\n"
    "METHOD: open, creat (empties the file), openat, openat2, by-handle, o-path-reopen,\n"
    "        hard-link, symlink (makes LINK first, opens it, removes it)\n"
    "--hold keeps the file open until stdin ends";

int open_by_handle(const std::string& path, int flags) {
  constexpr unsigned kHandleBytes = 128;
  const std::unique_ptr<char[]> memory(new char[sizeof(file_handle) + kHandleBytes]());
  auto* handle = reinterpret_cast<file_handle*>(memory.get());
  handle->handle_bytes = kHandleBytes;
  int mount_id = 0;
  if (name_to_handle_at(AT_FDCWD, path.c_str(), handle, &mount_id, AT_SYMLINK_FOLLOW) != 0) return -1;
  // Any descriptor on the same file system names the mount.
  const std::string directory = std::filesystem::canonical(path).parent_path();
  const int mount = open(directory.c_str(), O_RDONLY | O_DIRECTORY);
  if (mount < 0) return -1;
  const int file = open_by_handle_at(mount, handle, flags);
  const int error = errno;
  close(mount);
  errno = error;
  return file;
}

int reopen_path_descriptor(const std::string& path, int flags) {
  const int location = open(path.c_str(), O_PATH);
  if (location < 0) return -1;
  return open(("/proc/self/fd/" + std::to_string(location)).c_str(), flags);
}

int open_through_link(const std::string& path, const std::string& link_path, bool hard, int flags) {
  if ((hard ? link(path.c_str(), link_path.c_str()) : symlink(path.c_str(), link_path.c_str())) != 0) return -1;
  const int file = open(link_path.c_str(), flags);
  const int error = errno;
  unlink(link_path.c_str());
  errno = error;
  return file;
}

// A descriptor, or -1 with errno.
int open_by(const subject::Arguments& arguments, const std::string& method, const std::string& path, int flags) {
  // glibc's open() is openat: the older calls are made by number.
  if (method == "open") return static_cast<int>(syscall(SYS_open, path.c_str(), flags, 0));
  if (method == "creat") return static_cast<int>(syscall(SYS_creat, path.c_str(), 0600));
  if (method == "openat") return openat(AT_FDCWD, path.c_str(), flags);
  if (method == "openat2") {
    open_how how{};
    how.flags = static_cast<uint64_t>(flags);
    return static_cast<int>(syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof(how)));
  }
  if (method == "by-handle") return open_by_handle(path, flags);
  if (method == "o-path-reopen") return reopen_path_descriptor(path, flags);
  if (method == "hard-link" || method == "symlink")
    return open_through_link(path, arguments.word(2), method == "hard-link", flags);
  arguments.fail();
}

}  // namespace

int main(int argc, char** argv) {
  const subject::Arguments arguments(argc, argv, kUsage);
  const std::string& method = arguments.word(0);
  const std::string& path = arguments.word(1);
  const uint64_t to_read = arguments.number(arguments.value("read", "0"));
  if (to_read > 1 << 20) arguments.fail();
  const int flags =
      static_cast<int>(arguments.number(arguments.value("flags", "0"))) | (arguments.flag("write") ? O_RDWR : O_RDONLY);
  arguments.wait_for_go();

  const int file = open_by(arguments, method, path, flags);
  if (file < 0) return subject::refused((method + " " + path).c_str(), errno);
  ssize_t read_bytes = 0;
  if (to_read > 0) {
    std::string buffer(to_read, '\0');
    read_bytes = read(file, buffer.data(), buffer.size());
    if (read_bytes < 0) return subject::refused("read", errno);
  }
  const int status = subject::done("%s %s read %zd bytes", method.c_str(), path.c_str(), read_bytes);
  while (arguments.flag("hold") && std::getchar() != EOF) {
  }
  return status;
}
