#include "agent/spool/boot_state.h"

#include <cinttypes>
#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "agent/spool/file.h"
#include "agent/spool/segment_format.h"

namespace bulkhead::spool {
namespace {

std::string text_of(const BootState& state) {
  std::string text = absl::StrFormat("bulkhead spool state %d\nmet %d\noffset %d\nacknowledged %d\n", kFormatVersion,
                                     state.met ? 1 : 0, state.offset, state.acknowledged);
  absl::StrAppendFormat(&text, "crc32c %08x\n", crc32c(text));
  return text;
}

}  // namespace

absl::StatusOr<BootState> load_boot_state(const std::filesystem::path& path) {
  const auto text = read_small_file(path);
  if (!text.ok()) return text.status();
  BootState state;
  int met = 0;
  const int fields =
      std::sscanf(text->c_str(), "bulkhead spool state %*u met %d offset %" SCNu64 " acknowledged %" SCNu64, &met,
                  &state.offset, &state.acknowledged);
  state.met = met == 1;
  // The text of what was read has to be the file, checksum and all.
  if (fields != 3 || *text != text_of(state)) {
    return absl::DataLossError(absl::StrCat(path.string(), " is damaged"));
  }
  return state;
}

absl::Status save_boot_state(const std::filesystem::path& path, const BootState& state, bool durable) {
  return replace_file(path, text_of(state), durable);
}

}  // namespace bulkhead::spool
