// An empty program at every hook of the probe table, attached while it lives.
#pragma once

#include <memory>

#include "absl/status/statusor.h"

namespace bulkhead::bench {

class EmptyProbes {
 public:
  static absl::StatusOr<std::unique_ptr<EmptyProbes>> attach();
  ~EmptyProbes();

 private:
  class Impl;
  explicit EmptyProbes(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace bulkhead::bench
