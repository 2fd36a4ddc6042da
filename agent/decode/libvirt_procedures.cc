#include "agent/decode/libvirt_procedures.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "ebpf/records/libvirt_procedures.h"

namespace bulkhead::decode {

namespace {

static_assert(static_cast<int>(BH_CONTROL_MEMORY_DUMP) == v1::CONTROL_CATEGORY_MEMORY_DUMP);
static_assert(static_cast<int>(BH_CONTROL_OTHER) == v1::CONTROL_CATEGORY_OTHER);

struct Row {
  std::uint32_t program;
  std::uint32_t number;
  const char* name;
  bh_control_category category;
  bh_domain_place place;
};

#define BH_ROW(name, number, category, place, layout, flags) \
  {BH_LIBVIRT_PROGRAM, number, #name, BH_CONTROL_##category, BH_DOMAIN_##place},
#define BH_QEMU_ROW(name, number, category, place, layout, flags) \
  {BH_LIBVIRT_QEMU_PROGRAM, number, "QEMU_" #name, BH_CONTROL_##category, BH_DOMAIN_##place},
constexpr Row kRows[] = {BH_LIBVIRT_PROCEDURES(BH_ROW) BH_LIBVIRT_QEMU_PROCEDURES(BH_QEMU_ROW)};

constexpr std::uint32_t kSnapshotCreate = 185;

}  // namespace

ControlProcedure control_procedure(std::uint32_t program, std::uint32_t number, std::uint32_t flags) {
  const auto* row =
      std::ranges::find_if(kRows, [&](const Row& known) { return known.program == program && known.number == number; });
  if (row == std::end(kRows)) return {.name = absl::StrCat("procedure ", number)};
  ControlProcedure procedure = {.name = row->name,
                                .category = static_cast<v1::ControlCategory>(row->category),
                                .makes_domain = row->place == BH_DOMAIN_RETURNED};
  const bool disks_alone = (flags & BH_SNAPSHOT_DISK_ONLY) != 0;
  if (program == BH_LIBVIRT_PROGRAM && number == kSnapshotCreate && disks_alone) {
    procedure.category = v1::CONTROL_CATEGORY_SNAPSHOT;
  }
  return procedure;
}

}  // namespace bulkhead::decode
