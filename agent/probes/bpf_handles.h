// Owners of libbpf's objects, and what libbpf said about a failure. Only for this folder.
#pragma once

#include <bpf/libbpf.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace bulkhead::probes {

struct ObjectCloser {
  void operator()(bpf_object* object) const { bpf_object__close(object); }
};
using ObjectPtr = std::unique_ptr<bpf_object, ObjectCloser>;

struct LinkCloser {
  void operator()(bpf_link* link) const { bpf_link__destroy(link); }
};
using LinkPtr = std::unique_ptr<bpf_link, LinkCloser>;

// Whether nobody detached it.
bool is_attached(const bpf_link* link);

// The kernel waits for RCU with each link that it lets go of (synchronize_rcu_tasks_trace in
// perf_event_detach_bpf_prog, 6.13), tens of milliseconds for one; those of several threads share a wait.
void release_together(std::vector<LinkPtr> links);

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int descriptor) : descriptor_(descriptor) {}
  FileDescriptor(FileDescriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    reset(std::exchange(other.descriptor_, -1));
    return *this;
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor() { reset(); }

  int get() const { return descriptor_; }
  explicit operator bool() const { return descriptor_ >= 0; }
  int release() { return std::exchange(descriptor_, -1); }
  void reset(int descriptor = -1) {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = descriptor;
  }

 private:
  int descriptor_ = -1;
};

// While it lives, what libbpf prints on this thread is kept here instead of going to stderr. One per thread at a time.
class LibbpfMessages {
 public:
  LibbpfMessages();
  ~LibbpfMessages();
  LibbpfMessages(const LibbpfMessages&) = delete;
  LibbpfMessages& operator=(const LibbpfMessages&) = delete;

  // The last line that is no dump of the verifier's, for a one-line error.
  std::string reason() const;

 private:
  friend int keep_message(libbpf_print_level level, const char* format, va_list arguments);
  std::string text_;
};

// What the kernel said to a load, for a one-line error: errno in words, and the reason.
std::string refusal(int error, const std::string& reason);

}  // namespace bulkhead::probes
