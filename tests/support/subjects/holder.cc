// What a sweep finds: has a descriptor or a mapping of a file by each way that no open call of its own shows, and keeps
// it until stdin ends. Prints "done …" once it has it.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "tests/support/subjects/subject.h"

namespace {

constexpr const char* kUsage =
    "holder [--write] open|dup|exec PATH   (dup: the copy alone stays; exec: through an execve)\n"
    "holder [--write] map|map-private PATH (and closes the descriptor)\n"
    "holder memory NAME BYTES              (a memfd, mapped as guest memory is; prints its descriptor)\n"
    "holder userfaultfd NAME               (one of its own memory)\n"
    "holder [--read=ADDRESS] receive SOCKET (a descriptor that comes by SCM_RIGHTS; 64 bytes there)";

int keep(const char* what, int number) {
  subject::done("%s %d", what, number);
  while (std::getchar() != EOF) {
  }
  return subject::kDone;
}

int map(const std::string& path, int flags, bool is_private) {
  const int file = open(path.c_str(), flags);
  struct stat status{};
  if (file < 0 || fstat(file, &status) != 0) return subject::refused(path.c_str(), errno);
  const int protection = flags == O_RDWR ? PROT_READ | PROT_WRITE : PROT_READ;
  void* memory =
      mmap(nullptr, static_cast<size_t>(status.st_size), protection, is_private ? MAP_PRIVATE : MAP_SHARED, file, 0);
  if (memory == MAP_FAILED) return subject::refused("mmap", errno);
  close(file);
  return keep("mapped", 0);
}

int have_memory(const std::string& name, uint64_t bytes) {
  const int file = memfd_create(name.c_str(), MFD_CLOEXEC);
  if (file < 0 || ftruncate(file, static_cast<off_t>(bytes)) != 0) return subject::refused("memfd", errno);
  if (mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0) == MAP_FAILED) {
    return subject::refused("mmap", errno);
  }
  return keep("memory", file);
}

int make_userfaultfd() {
  const long file = syscall(SYS_userfaultfd, O_CLOEXEC);
  return file < 0 ? subject::refused("userfaultfd", errno) : keep("userfaultfd", static_cast<int>(file));
}

int receive(const std::string& path, uint64_t read_at) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return subject::refused("socket", ENAMETOOLONG);
  std::strcpy(address.sun_path, path.c_str());
  const int client = socket(AF_UNIX, SOCK_STREAM, 0);
  if (connect(client, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    return subject::refused("connect", errno);
  }
  char byte = 0;
  iovec data = {.iov_base = &byte, .iov_len = 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const cmsghdr* rights = recvmsg(client, &message, 0) == 1 ? CMSG_FIRSTHDR(&message) : nullptr;
  if (rights == nullptr || rights->cmsg_type != SCM_RIGHTS) return subject::refused("receive", EPROTO);
  int file = -1;
  std::memcpy(&file, CMSG_DATA(rights), sizeof file);
  close(client);
  char buffer[64];
  if (read_at != 0 && pread(file, buffer, sizeof buffer, static_cast<off_t>(read_at)) != sizeof buffer) {
    return subject::refused("pread", errno);
  }
  return keep("received", file);
}

}  // namespace

int main(int argc, char** argv) {
  const subject::Arguments arguments(argc, argv, kUsage);
  const std::string& act = arguments.word(0);
  const std::string& what = arguments.word(1);
  const int flags = arguments.flag("write") ? O_RDWR : O_RDONLY;
  if (act == "memory") return have_memory(what, arguments.word_number(2));
  if (act == "userfaultfd") return make_userfaultfd();
  if (act == "receive") return receive(what, arguments.number(arguments.value("read", "0")));
  if (act == "inherited") return keep("inherited", static_cast<int>(arguments.word_number(1)));
  if (act == "map" || act == "map-private") return map(what, flags, act == "map-private");
  int file = open(what.c_str(), flags);
  if (file < 0) return subject::refused(what.c_str(), errno);
  if (act == "open") return keep("opened", file);
  if (act == "dup") {
    const int copy = dup(file);
    close(file);
    return keep("copied", copy);
  }
  if (act == "exec") {
    execl("/proc/self/exe", argv[0], "inherited", std::to_string(file).c_str(), nullptr);
    return subject::refused("execve", errno);
  }
  arguments.fail();
}
