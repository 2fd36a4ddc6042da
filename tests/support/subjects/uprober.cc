// MEM-10: sets a uprobe at the entry of a program, by a performance event or by a BPF link, for one process or for all
// that run it; and takes it away again.
#include <elf.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>

#include <fstream>

#include "tests/support/subjects/subject.h"

namespace {

// linux/bpf.h since 6.6; older headers have no names for these.
constexpr uint32_t kAttachUprobeMulti = 48;
struct UprobeMultiLink {
  uint32_t program, target, attach_type, flags;
  uint64_t path, offsets, reference_counters, cookies;
  uint32_t count, uprobe_flags, pid, padding;
};

// Where in the file the program begins; 0 for none.
uint64_t entry_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  Elf64_Ehdr header = {};
  if (!file.read(reinterpret_cast<char*>(&header), sizeof header)) return 0;
  for (int i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment = {};
    file.seekg(static_cast<std::streamoff>(header.e_phoff + static_cast<uint64_t>(i) * sizeof segment));
    if (!file.read(reinterpret_cast<char*>(&segment), sizeof segment)) return 0;
    const bool holds = header.e_entry >= segment.p_vaddr && header.e_entry < segment.p_vaddr + segment.p_filesz;
    if (segment.p_type == PT_LOAD && holds) return header.e_entry - segment.p_vaddr + segment.p_offset;
  }
  return 0;
}

long open_event(const std::string& path, uint64_t offset, pid_t pid, int cpu) {
  uint32_t type = 0;
  if (!(std::ifstream("/sys/bus/event_source/devices/uprobe/type") >> type)) {
    errno = ENOSYS;
    return -1;
  }
  perf_event_attr attributes = {};
  attributes.type = type;
  attributes.size = sizeof attributes;
  attributes.uprobe_path = reinterpret_cast<uint64_t>(path.c_str());
  attributes.probe_offset = offset;
  return syscall(SYS_perf_event_open, &attributes, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

long load_program() {
  // r0 = 0; exit
  const bpf_insn code[] = {{BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0}, {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
  bpf_attr attributes = {};
  attributes.prog_type = BPF_PROG_TYPE_KPROBE;
  attributes.insn_cnt = 2;
  attributes.insns = reinterpret_cast<uint64_t>(code);
  attributes.license = reinterpret_cast<uint64_t>("GPL");
  attributes.expected_attach_type = static_cast<bpf_attach_type>(kAttachUprobeMulti);
  return syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof attributes);
}

long make_link(const std::string& path, uint64_t offset, uint32_t pid) {
  const long program = load_program();
  if (program < 0) return program;
  UprobeMultiLink link = {};
  link.program = static_cast<uint32_t>(program);
  link.attach_type = kAttachUprobeMulti;
  link.path = reinterpret_cast<uint64_t>(path.c_str());
  link.offsets = reinterpret_cast<uint64_t>(&offset);
  link.count = 1;
  link.pid = pid;
  return syscall(SYS_bpf, BPF_LINK_CREATE, &link, sizeof link);
}

}  // namespace

int main(int argc, char** argv) {
  const subject::Arguments arguments(
      argc, argv,
      "uprober event|link PROGRAM [PID]   (without PID: of every process; an event on each of the first two CPUs)");
  const std::string& act = arguments.word(0);
  const std::string& path = arguments.word(1);
  const bool all = arguments.words() < 3;
  const uint64_t pid = all ? 0 : arguments.word_number(2);
  const uint64_t offset = entry_of(path);
  if (offset == 0) return subject::refused(path.c_str(), ENOEXEC);
  long result = -1;
  if (act == "event" && all) {
    result = open_event(path, offset, -1, 0);
    if (result >= 0 && sysconf(_SC_NPROCESSORS_ONLN) > 1) result = open_event(path, offset, -1, 1);
  } else if (act == "event") {
    result = open_event(path, offset, static_cast<pid_t>(pid), -1);
  } else if (act == "link") {
    result = make_link(path, offset, static_cast<uint32_t>(pid));
  } else {
    arguments.fail();
  }
  if (result < 0) return subject::refused(act.c_str(), errno);
  return subject::done("%s in %s: %ld", act.c_str(), path.c_str(), result);
}
