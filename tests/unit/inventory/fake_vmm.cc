#include "tests/unit/inventory/fake_vmm.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace bulkhead::inventory::test {

RunDir::RunDir() {
  char pattern[] = "/tmp/bulkhead-run-XXXXXX";
  if (::mkdtemp(pattern) == nullptr) throw std::runtime_error("mkdtemp");
  path_ = pattern;
  std::filesystem::create_directory(path_ + "/qemu");
}

RunDir::~RunDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void RunDir::write(const std::string& name, const std::string& text, unsigned mode) const {
  std::ofstream(file(name)) << text;
  ::chmod(file(name).c_str(), mode);
}

namespace {

[[noreturn]] void run_child(const std::vector<std::string>& arguments, const std::string& pid_file, int input) {
  ::dup2(input, STDIN_FILENO);
  if (!pid_file.empty()) {
    const int fd = ::open(pid_file.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0644);
    struct flock lock{};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    if (fd < 0 || ::fcntl(fd, F_SETLK, &lock) != 0) ::_exit(120);
    const std::string text = std::to_string(::getpid());
    if (::write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size())) ::_exit(121);
    // Stays open across the exec: the lock lives as long as the process.
  }
  std::vector<std::string> words = {"sh", "-c", "echo; read end", "sh"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  ::execv("/bin/sh", pointers.data());
  ::_exit(122);
}

}  // namespace

FakeVmm::FakeVmm(const std::vector<std::string>& arguments, const std::string& pid_file) {
  int input[2], output[2];
  if (::pipe2(input, O_CLOEXEC) != 0 || ::pipe2(output, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("fork");
  if (pid_ == 0) {
    ::dup2(output[1], STDOUT_FILENO);
    run_child(arguments, pid_file, input[0]);
  }
  ::close(input[0]);
  ::close(output[1]);
  input_ = input[1];
  char ready = 0;
  const ssize_t count = ::read(output[0], &ready, 1);
  ::close(output[0]);
  if (count != 1) throw std::runtime_error("the fake VMM did not start");
}

FakeVmm::~FakeVmm() {
  ::close(input_);
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

}  // namespace bulkhead::inventory::test
