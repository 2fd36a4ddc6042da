#include "proto/batch/probe_name.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace bulkhead::batch {

std::string probe_name(v1::Probe probe) {
  std::string name = v1::Probe_Name(probe);
  if (name.empty()) return absl::StrCat("probe.", static_cast<int>(probe));
  name = absl::AsciiStrToLower(absl::StripPrefix(name, "PROBE_"));
  if (const auto end_of_area = name.find('_'); end_of_area != std::string::npos) name[end_of_area] = '.';
  return name;
}

}  // namespace bulkhead::batch
