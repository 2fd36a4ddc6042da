#include "tests/unit/store/fixture.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <stdexcept>

#include "proto/batch/batch.h"

namespace bulkhead::test {

TempDir::TempDir() {
  std::string name = (std::filesystem::temp_directory_path() / "bulkhead-test-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
  path_ = name;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

v1::Event make_event(std::uint64_t sequence, const std::string& host, const std::string& boot) {
  v1::Event event;
  event.set_host_id(host);
  event.set_boot_id(boot);
  event.set_sequence(sequence);
  event.mutable_time()->set_seconds(kBaseSeconds + static_cast<std::int64_t>(sequence));
  event.set_boot_time_ns(sequence * 1'000'000'000);
  event.set_probe(sequence % 2 == 0 ? v1::PROBE_MEMORY_PROCESS_VM : v1::PROBE_DISK_FILE_OPEN);
  event.mutable_actor()->set_tenant("host");
  event.mutable_actor()->mutable_process()->set_pid(4242);
  event.mutable_actor()->mutable_process()->set_start_time_ns(77);
  event.mutable_actor()->mutable_process()->set_executable("/usr/bin/gcore");
  event.mutable_object()->set_tenant("tenant-b");
  event.mutable_object()->set_domain_name("vm-b");
  event.mutable_object()->set_domain_uuid("11111111-2222-3333-4444-555555555555");
  if (sequence % 2 == 0) {
    event.mutable_object()->set_kind(v1::OBJECT_KIND_GUEST_MEMORY);
    event.mutable_object()->set_id("vmm:99:88");
    event.mutable_memory_access()->set_operation(v1::MEMORY_OPERATION_PROCESS_VM_READ);
    event.mutable_memory_access()->set_result(4096);
  } else {
    event.mutable_object()->set_kind(v1::OBJECT_KIND_VOLUME);
    event.mutable_object()->set_id("/images/vm-b.raw");
    event.mutable_file_open()->set_method(v1::OPEN_METHOD_OPENAT);
  }
  return event;
}

v1::EventBatch make_batch(std::uint64_t first, std::uint64_t count, const std::string& host, const std::string& boot) {
  std::vector<v1::Event> events;
  for (std::uint64_t i = 0; i < count; ++i) events.push_back(make_event(first + i, host, boot));
  auto batches = batch::pack(events);
  REQUIRE(batches.ok());
  REQUIRE(batches->size() == 1);
  return batches->front();
}

v1::EventBatch make_missing(std::uint64_t first, std::uint64_t last) {
  v1::Event event = make_event(first);
  event.set_probe(v1::PROBE_AGENT);
  event.mutable_loss()->set_probe(v1::PROBE_AGENT);
  event.mutable_loss()->set_place(v1::Loss::PLACE_SPOOL);
  event.mutable_loss()->set_count(last - first + 1);
  auto batches = batch::pack(std::span(&event, 1));
  REQUIRE(batches.ok());
  return batches->front();
}

v1::Alert make_alert(const std::string& uid, std::int64_t seconds, std::uint64_t events) {
  v1::Alert alert;
  alert.set_uid(uid);
  alert.mutable_rule()->set_id("MEM-01");
  alert.set_host_id(kHost);
  alert.set_actor_tenant("host");
  alert.set_object_tenant("tenant-b");
  alert.mutable_first_time()->set_seconds(kBaseSeconds + seconds);
  alert.set_event_count(events);
  return alert;
}

std::unique_ptr<store::Store> open_store(const std::filesystem::path& path) {
  auto store = store::Store::open(path);
  if (!store.ok()) FAIL(std::string(store.status().message()));
  return *std::move(store);
}

std::vector<std::uint64_t> stored_sequences(store::EventLog& log) {
  std::vector<std::uint64_t> sequences;
  store::Position at;
  for (;;) {
    const auto page = log.read(at, 7);
    REQUIRE(page.ok());
    if (page->empty()) return sequences;
    for (const auto& stored : *page) {
      REQUIRE(at < stored.position);
      at = stored.position;
      for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(stored.batch.events_size()); ++i) {
        sequences.push_back(stored.batch.first_sequence() + i);
      }
    }
  }
}

}  // namespace bulkhead::test
