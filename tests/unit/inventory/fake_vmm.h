// A real process that looks to VmmProcesses as libvirt's VMMs do: its pid file, locked by itself, and its arguments.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace bulkhead::inventory::test {

// A folder for libvirt's run-time files with its folder "qemu"; removed at the end.
class RunDir {
 public:
  RunDir();
  ~RunDir();
  RunDir(const RunDir&) = delete;
  RunDir& operator=(const RunDir&) = delete;

  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/qemu/" + name; }
  void write(const std::string& name, const std::string& text, unsigned mode = 0644) const;

 private:
  std::string path_;
};

// A shell that waits for its end, with these arguments after its own. When `pid_file` is given it creates, locks and
// writes that before the exec, as libvirt's child does. It is there, under its final arguments, when the constructor
// returns.
class FakeVmm {
 public:
  FakeVmm(const std::vector<std::string>& arguments, const std::string& pid_file);
  ~FakeVmm();
  FakeVmm(const FakeVmm&) = delete;
  FakeVmm& operator=(const FakeVmm&) = delete;

  std::uint32_t pid() const { return static_cast<std::uint32_t>(pid_); }

 private:
  pid_t pid_ = -1;
  int input_ = -1;
};

inline std::vector<std::string> vmm_arguments(const std::string& name, const std::string& uuid) {
  return {"-name", "guest=" + name + ",debug-threads=on", "-uuid", uuid};
}

}  // namespace bulkhead::inventory::test
