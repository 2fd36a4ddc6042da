// Writes the seeds: make_corpus DIRECTORY
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "proto/batch/batch.h"
#include "tests/unit/proto/sample_events.h"

using namespace bulkhead;

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: make_corpus DIRECTORY\n";
    return 2;
  }
  const std::filesystem::path directory = argv[1];
  std::filesystem::create_directories(directory);
  const auto write = [&](const std::string& name, const std::vector<v1::Event>& events) {
    const auto batches = batch::pack(events);
    if (!batches.ok()) {
      std::cerr << name << ": " << batches.status() << "\n";
      return false;
    }
    std::ofstream file(directory / name, std::ios::binary);
    return static_cast<bool>(file << batches->front().SerializeAsString());
  };
  const bool done = write("memory_access", {test::sample_memory_access(1)}) &&
                    write("file_open", {test::sample_file_open(1)}) && write("delivery", {test::sample_delivery(1)}) &&
                    write("loss", {test::sample_loss(1)}) && write("tenant_change", {test::sample_tenant_change(1)}) &&
                    write("mixed", test::sample_events(9));
  return done ? 0 : 1;
}
