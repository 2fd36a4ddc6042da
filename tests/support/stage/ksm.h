// The machine's KSM (/sys/kernel/mm/ksm), switched on for a test and put back.
#pragma once

#include <fstream>
#include <string>
#include <utility>

namespace bulkhead::stage {

// -1 for a figure that this kernel does not have.
inline long ksm(const std::string& name) {
  std::ifstream file("/sys/kernel/mm/ksm/" + name);
  long value = -1;
  file >> value;
  return file ? value : -1;
}

// Puts the setting back at the end.
class KsmSetting {
 public:
  KsmSetting(std::string name, long value) : name_(std::move(name)), before_(ksm(name_)) { set(value); }
  ~KsmSetting() { set(before_); }
  KsmSetting(const KsmSetting&) = delete;
  KsmSetting& operator=(const KsmSetting&) = delete;

 private:
  void set(long value) const { std::ofstream("/sys/kernel/mm/ksm/" + name_) << value; }

  const std::string name_;
  const long before_;
};

}  // namespace bulkhead::stage
