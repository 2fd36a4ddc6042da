// What the numbers of libvirt's remote protocol mean.
#pragma once

#include <cstdint>
#include <string>

#include "bulkhead/v1/event.pb.h"

namespace bulkhead::decode {

struct ControlProcedure {
  std::string name;  // libvirt's own; "procedure 450" for one that is not known
  v1::ControlCategory category = v1::CONTROL_CATEGORY_OTHER;
  bool makes_domain = false;  // names its domain in the answer alone
};

// `program` and `number` as in ebpf/records/libvirt_procedures.h, which is also where this is from. `flags`: of the
// call, since what some procedures do hangs on them.
ControlProcedure control_procedure(std::uint32_t program, std::uint32_t number, std::uint32_t flags);

}  // namespace bulkhead::decode
