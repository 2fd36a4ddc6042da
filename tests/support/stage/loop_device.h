// A loop device of the test's own over a file, gone at the end.
#pragma once

#include <cstdint>
#include <string>

namespace bulkhead::stage {

class LoopDevice {
 public:
  // Over the first `bytes` of the file, which is made if it is not there.
  LoopDevice(const std::string& file, std::uint64_t bytes);
  ~LoopDevice();
  LoopDevice(const LoopDevice&) = delete;
  LoopDevice& operator=(const LoopDevice&) = delete;

  void resize(std::uint64_t bytes);

  const std::string& path() const { return path_; }
  std::uint32_t number() const;  // major << 20 | minor

 private:
  const std::string file_;
  std::string path_;
};

}  // namespace bulkhead::stage
