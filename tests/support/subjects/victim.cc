// A process that owns something: memory with a marker in it and, if asked, an open file. It waits until stdin ends.
// Prints "victim <pid> 0x<address> <bytes>".
#include <fcntl.h>
#include <sys/mman.h>

#include <thread>

#include "tests/support/subjects/subject.h"

int main(int argc, char** argv) {
  const subject::Arguments arguments(
      argc, argv,
      "victim [--bytes=N] [--marker=TEXT] [--open=FILE] [--threads=N] (N threads besides the first) "
      "[--mergeable=SEED] (pages that differ from each other and are the same in all with this seed, for KSM)");
  const uint64_t bytes = arguments.number(arguments.value("bytes", "1048576"));
  const std::string marker = arguments.value("marker", "BULKHEAD-VICTIM-MARKER");
  const std::string path = arguments.value("open", "");
  const uint64_t threads = arguments.number(arguments.value("threads", "0"));
  const std::string seed = arguments.value("mergeable", "");
  if (bytes == 0 || bytes > 1 << 30 || threads > 64 || marker.empty()) arguments.fail();

  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return subject::refused("mmap", errno);
  auto* at = static_cast<char*>(memory);
  for (uint64_t i = 0; i < bytes; ++i) at[i] = marker[i % marker.size()];
  if (!seed.empty()) {
    // Each page begins with its number.
    for (uint64_t i = 0; i < bytes; i += 4096) {
      std::snprintf(at + i, 4096, "%s page %" PRIu64, seed.c_str(), i / 4096);
    }
    if (madvise(memory, bytes, MADV_MERGEABLE) != 0) return subject::refused("madvise", errno);
  }
  if (!path.empty() && open(path.c_str(), O_RDWR) < 0) return subject::refused(path.c_str(), errno);
  for (uint64_t i = 0; i < threads; ++i) std::thread([] { pause(); }).detach();

  std::printf("victim %d 0x%" PRIx64 " %" PRIu64 "\n", getpid(), reinterpret_cast<uint64_t>(memory), bytes);
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  // The other threads never end by themselves.
  _exit(subject::kDone);
}
