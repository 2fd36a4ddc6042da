// Where another process keeps its memory.
#pragma once

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <string>

namespace subject {

// First address of the largest readable and writable mapping of a process (a VMM's is its guest's memory); 0 when
// /proc/<pid>/maps cannot be read.
inline uint64_t largest_mapping(int pid) {
  std::FILE* maps = std::fopen(("/proc/" + std::to_string(pid) + "/maps").c_str(), "r");
  if (maps == nullptr) return 0;
  uint64_t best = 0, best_size = 0, start = 0, end = 0;
  char mode[5] = "";
  char line[4352];
  while (std::fgets(line, sizeof(line), maps) != nullptr) {
    if (std::sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", &start, &end, mode) != 3) continue;
    if (mode[0] != 'r' || mode[1] != 'w' || end - start <= best_size) continue;
    best = start;
    best_size = end - start;
  }
  std::fclose(maps);
  return best;
}

}  // namespace subject
