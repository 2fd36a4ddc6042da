#include "agent/probes/storage_queries.h"

#include <bpf/bpf.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <mutex>

#include "absl/strings/str_cat.h"
#include "agent/probes/bpf_handles.h"
#include "ebpf/records/mapping.h"
#include "ebpf/skeletons/storage.skel.h"

namespace bulkhead::probes {

namespace {

constexpr std::uint64_t kSector = 512;

absl::StatusOr<FileDescriptor> find(const std::string& path) {
  FileDescriptor file(open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!file) return absl::ErrnoToStatus(errno, absl::StrCat("cannot find ", path));
  return file;
}

}  // namespace

class StorageQueries::Impl {
 public:
  // True when the kernel answered.
  template <typename Query>
  absl::StatusOr<bool> ask(const char* program, Query& query) {
    const std::lock_guard lock(mutex_);
    if (object_ == nullptr) {
      if (absl::Status status = load(); !status.ok()) return status;
    }
    LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = &query, .ctx_size_in = sizeof(query));
    const int descriptor = bpf_program__fd(bpf_object__find_program_by_name(object_.get(), program));
    return bpf_prog_test_run_opts(descriptor, &options) == 0 && options.retval == 0;
  }

  // The module that has a type may have come since.
  absl::Status load_again() {
    const std::lock_guard lock(mutex_);
    return load();
  }

 private:
  absl::Status load() {
    LibbpfMessages messages;
    std::size_t size = 0;
    const void* bytes = bh_storage::elf_bytes(&size);
    LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = "bh_storage");
    ObjectPtr object(bpf_object__open_mem(bytes, size, &options));
    if (object == nullptr || bpf_object__load(object.get()) != 0) {
      return absl::FailedPreconditionError(
          absl::StrCat("the kernel answers no questions about block devices: ", refusal(errno, messages.reason())));
    }
    object_ = std::move(object);
    return absl::OkStatus();
  }

  std::mutex mutex_;
  ObjectPtr object_;  // guarded by mutex_
};

StorageQueries::StorageQueries() : impl_(std::make_unique<Impl>()) {}
StorageQueries::~StorageQueries() = default;

absl::StatusOr<KernelBlockDevice> StorageQueries::block_device(const std::string& folder) const {
  const absl::StatusOr<FileDescriptor> file = find(folder);
  if (!file.ok()) return file.status();
  bh_block_device_query query = {};
  for (const bool last : {false, true}) {
    query = {};
    query.descriptor = static_cast<std::uint32_t>(file->get());
    const absl::StatusOr<bool> answered = impl_->ask("block_device", query);
    if (!answered.ok()) return answered.status();
    if (!*answered) return absl::NotFoundError(absl::StrCat(folder, " is no block device's"));
    if (query.is_loop == 0 || query.loop_known != 0 || last) break;
    if (absl::Status status = impl_->load_again(); !status.ok()) return status;
  }
  KernelBlockDevice found = {.device = query.device,
                             .disk_sequence = query.disk_sequence,
                             .size = query.sectors * kSector,
                             .backing = std::nullopt};
  if (query.backing.device != 0 || query.backing.inode != 0) {
    found.backing = BackingFile{.key = {.inode = query.backing.inode,
                                        .device = query.backing.device,
                                        .generation = query.backing.generation,
                                        .block_device = query.backing.is_block == BH_BLOCK_DEVICE},
                                .offset = query.offset,
                                .limit = query.limit};
    std::ranges::copy(query.uuid, found.backing->file_system.begin());
  }
  return found;
}

absl::StatusOr<FileSystemUuid> StorageQueries::file_system(const std::string& path) const {
  const absl::StatusOr<FileDescriptor> file = find(path);
  if (!file.ok()) return file.status();
  bh_file_system_query query = {};
  query.descriptor = static_cast<std::uint32_t>(file->get());
  const absl::StatusOr<bool> answered = impl_->ask("file_system", query);
  if (!answered.ok()) return answered.status();
  if (!*answered) return absl::NotFoundError(absl::StrCat(path, " has no file system"));
  FileSystemUuid uuid;
  std::ranges::copy(query.uuid, uuid.begin());
  return uuid;
}

}  // namespace bulkhead::probes
