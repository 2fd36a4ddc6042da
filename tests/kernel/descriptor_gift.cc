#include "tests/kernel/descriptor_gift.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstring>

namespace bulkhead::test {

namespace {

stage::FileDescriptor listen_at(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) FAIL(path << " is too long for a socket's name");
  std::strcpy(address.sun_path, path.c_str());
  stage::FileDescriptor listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener.get(), 1) != 0) {
    FAIL("cannot listen at " << path);
  }
  return listener;
}

std::vector<std::string> words_of(const std::vector<std::string>& arguments, const std::string& path) {
  std::vector<std::string> words = {"holder"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  words.insert(words.end(), {"receive", path});
  return words;
}

}  // namespace

DescriptorGift::DescriptorGift(const std::vector<std::string>& arguments)
    : listener_(listen_at(directory_.path() + "/socket")),
      receiver_(start_subject(words_of(arguments, directory_.path() + "/socket"))),
      peer_(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)) {
  REQUIRE(peer_.get() >= 0);
}

void DescriptorGift::send(int descriptor) {
  char byte = 'x';
  iovec data = {.iov_base = &byte, .iov_len = 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* rights = CMSG_FIRSTHDR(&message);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(rights), &descriptor, sizeof descriptor);
  REQUIRE(sendmsg(peer_.get(), &message, 0) == 1);
}

}  // namespace bulkhead::test
