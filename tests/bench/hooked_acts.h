// What processes of a host do where Bulkhead looks on: the acts whose cost bench_fast_path measures.
#pragma once

#include <sys/un.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/bench/context_switch.h"
#include "tests/kernel/tap_network.h"
#include "tests/support/stage/file_descriptor.h"

namespace bulkhead::bench {

struct Act {
  std::string name;
  std::function<void()> once;
  int batch;  // how many between two looks at the clock
  bool by_host = true;
  bool by_vmm = true;
  bool on_one_cpu = false;
};

// None of them crosses tenants, whether this process is a VMM or not. Ends the program when one fails.
class HookedActs {
 public:
  HookedActs();
  ~HookedActs();
  HookedActs(const HookedActs&) = delete;
  HookedActs& operator=(const HookedActs&) = delete;

  // As long as this lives.
  std::vector<Act> all();

  const std::string& volume() const { return volume_; }
  // Those of one tenant's ports; those after them are nobody's.
  static constexpr std::size_t kTenantsTaps = 2;
  test::TapNetwork& taps() { return taps_; }

 private:
  void add_files(std::vector<Act>& acts);
  void add_file_io(std::vector<Act>& acts);
  void add_processes(std::vector<Act>& acts);
  void add_frames(std::vector<Act>& acts);
  void listen();
  void connect_and_close() const;
  void read_own_memory();
  void advise_on_itself();

  std::string directory_;
  std::string stranger_;
  std::string volume_;
  sockaddr_un server_address_{};
  stage::FileDescriptor server_;
  stage::FileDescriptor itself_;  // a pidfd
  stage::FileDescriptor stranger_file_;
  stage::FileDescriptor volume_file_;
  stage::FileDescriptor pipe_[2];
  std::vector<char> memory_;
  Partner partner_;
  test::TapNetwork taps_{2 * kTenantsTaps};
};

// "bench_fast_path: WHAT: the error of errno", and the end.
[[noreturn]] void fail(const std::string& what);

}  // namespace bulkhead::bench
