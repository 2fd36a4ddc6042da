// A descriptor that one process hands to another over a unix socket.
#pragma once

#include <string>
#include <vector>

#include "tests/kernel/kernel_host.h"
#include "tests/support/stage/file_descriptor.h"

namespace bulkhead::test {

// A subject (holder receive) that has connected to this process and waits for a descriptor.
class DescriptorGift {
 public:
  // `arguments` come before its act.
  explicit DescriptorGift(const std::vector<std::string>& arguments = {});

  stage::ChildProcess& receiver() { return receiver_; }
  stage::ChildProcess take_receiver() && { return std::move(receiver_); }

  // It prints a line once it has it (or was refused).
  void send(int descriptor);

 private:
  TemporaryDirectory directory_;
  stage::FileDescriptor listener_;
  stage::ChildProcess receiver_;
  stage::FileDescriptor peer_;
};

}  // namespace bulkhead::test
