// A virtual machine of one vCPU that does nothing but run: the guest's whole code is a jump to itself. With it a vCPU
// is on a CPU for as long as the kernel leaves it there. Prints "done <milliseconds that it ran>".
#include <fcntl.h>
#include <linux/kvm.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>

#include <chrono>

#include "tests/support/subjects/subject.h"

namespace {

using std::chrono::steady_clock;

constexpr std::uint64_t kCodeAddress = 0x1000;
constexpr std::size_t kPage = 4096;
constexpr unsigned char kJumpToItself[] = {0xeb, 0xfe};

// A vCPU in real mode, at the code's address; -1 with errno.
int make_vcpu() {
  const int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
  if (kvm < 0) return -1;
  const int machine = ioctl(kvm, KVM_CREATE_VM, 0);
  if (machine < 0) return -1;
  void* memory = mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return -1;
  std::memcpy(memory, kJumpToItself, sizeof kJumpToItself);
  kvm_userspace_memory_region region = {};
  region.guest_phys_addr = kCodeAddress;
  region.memory_size = kPage;
  region.userspace_addr = reinterpret_cast<std::uint64_t>(memory);
  if (ioctl(machine, KVM_SET_USER_MEMORY_REGION, &region) != 0) return -1;
  const int vcpu = ioctl(machine, KVM_CREATE_VCPU, 0);
  kvm_sregs segments = {};
  if (vcpu < 0 || ioctl(vcpu, KVM_GET_SREGS, &segments) != 0) return -1;
  segments.cs.base = 0;
  segments.cs.selector = 0;
  kvm_regs registers = {};
  registers.rip = kCodeAddress;
  registers.rflags = 2;
  if (ioctl(vcpu, KVM_SET_SREGS, &segments) != 0 || ioctl(vcpu, KVM_SET_REGS, &registers) != 0) return -1;
  return vcpu;
}

// The guest never leaves by itself: a timer's signal ends KVM_RUN.
void expect_signals() {
  struct sigaction nothing = {};
  nothing.sa_handler = [](int) {};
  sigaction(SIGALRM, &nothing, nullptr);
  const itimerval every = {.it_interval = {0, 50'000}, .it_value = {0, 50'000}};
  setitimer(ITIMER_REAL, &every, nullptr);
}

}  // namespace

int main(int argc, char** argv) {
  const subject::Arguments arguments(
      argc, argv,
      "vcpu_spinner --cpu=N --milliseconds=N [--wait] [--cookie] (a core scheduling cookie of its own) [--idle] (the "
      "thread is there, and runs no vCPU)");
  const std::uint64_t cpu = arguments.number(arguments.value("cpu", ""));
  const std::chrono::milliseconds time(arguments.number(arguments.value("milliseconds", "")));
  if (cpu >= CPU_SETSIZE) arguments.fail();

  const int vcpu = make_vcpu();
  if (vcpu < 0) return subject::refused("making a virtual machine", errno);
  if (arguments.flag("cookie") &&
      prctl(PR_SCHED_CORE, PR_SCHED_CORE_CREATE, 0, PR_SCHED_CORE_SCOPE_THREAD_GROUP, 0) != 0) {
    return subject::refused("PR_SCHED_CORE", errno);
  }
  cpu_set_t only;
  CPU_ZERO(&only);
  CPU_SET(cpu, &only);
  if (sched_setaffinity(0, sizeof only, &only) != 0) return subject::refused("sched_setaffinity", errno);
  arguments.wait_for_go();

  expect_signals();
  const auto begin = steady_clock::now();
  while (steady_clock::now() - begin < time) {
    if (arguments.flag("idle")) continue;
    if (ioctl(vcpu, KVM_RUN, 0) == 0) {
      std::printf("refused KVM_RUN: the guest left it\n");
      return subject::kRefused;
    }
    if (errno != EINTR) return subject::refused("KVM_RUN", errno);
  }
  const auto ran = std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - begin);
  return subject::done("%" PRId64, static_cast<std::int64_t>(ran.count()));
}
