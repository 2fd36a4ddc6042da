#include "agent/stream/progress.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/batch/batch.h"

namespace bulkhead::stream {
namespace {

// A collector that always wants something else never gets anywhere.
constexpr unsigned kRewindsWithoutProgress = 16;

}  // namespace

Progress::Progress(spool::Spool& spool, Window window)
    : spool_(spool), window_(window), last_change_(std::chrono::steady_clock::now()) {
  std::vector<std::string> ids = spool.boots();
  // Earlier boots go first, so this boot has to wait for those that do not fit.
  if (ids.size() > kEarlierBoots + 1) {
    ids.resize(kEarlierBoots);
    cut_short_ = true;
  }
  for (std::string& id : ids) boots_.push_back({.id = std::move(id)});
}

std::vector<std::string> Progress::earlier_boots() const {
  std::vector<std::string> ids;
  for (const Boot& boot : boots_) ids.push_back(boot.id);
  if (!cut_short_) ids.pop_back();
  return ids;
}

absl::StatusOr<std::size_t> Progress::find(const std::string& boot_id, const char* message) const {
  for (std::size_t i = 0; i < boots_.size(); ++i) {
    if (boots_[i].id == boot_id) return i;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("collector's ", message, " names a boot that is not here: '", boot_id.substr(0, 64), "'"));
}

absl::Status Progress::begin(const v1::Welcome& welcome) {
  const std::lock_guard lock(mutex_);
  for (Boot& boot : boots_) {
    for (const v1::BootPosition& position : welcome.positions()) {
      if (position.boot_id() == boot.id) boot.next = position.next_sequence();
    }
    if (auto status = spool_.meet(boot.id, boot.next); !status.ok()) {
      return absl::Status(status.code(), absl::StrCat("collector's Welcome: ", std::string(status.message())));
    }
    boot.sent_through = boot.acknowledged_through = boot.next - 1;
  }
  return absl::OkStatus();
}

void Progress::forget_sent(std::size_t boot, std::uint64_t from, std::uint64_t through) {
  std::erase_if(sent_, [&](const Sent& sent) {
    const bool matches = sent.boot == boot && sent.through >= from && sent.through <= through;
    if (matches) sent_bytes_ -= sent.bytes;
    return matches;
  });
}

absl::Status Progress::acknowledge(const v1::Ack& ack) {
  {
    const std::lock_guard lock(mutex_);
    const auto index = find(ack.boot_id(), "Ack");
    if (!index.ok()) return index.status();
    Boot& boot = boots_[*index];
    if (ack.through_sequence() > boot.sent_through) {
      return absl::InvalidArgumentError(absl::StrCat("collector acknowledged sequence ", ack.through_sequence(),
                                                     " of boot ", boot.id, ", only ", boot.sent_through, " were sent"));
    }
    if (ack.through_sequence() <= boot.acknowledged_through) return absl::OkStatus();
    boot.acknowledged_through = ack.through_sequence();
    boot.rewound_to = 0;
    rewinds_ = 0;
    advanced_ = true;
    last_change_ = std::chrono::steady_clock::now();
    forget_sent(*index, 0, ack.through_sequence());
  }
  return spool_.acknowledge(ack.boot_id(), ack.through_sequence());
}

absl::Status Progress::rewind(const v1::Rewind& rewind) {
  const std::lock_guard lock(mutex_);
  const auto index = find(rewind.boot_id(), "Rewind");
  if (!index.ok()) return index.status();
  Boot& boot = boots_[*index];
  if (rewind.next_sequence() == 0 || rewind.next_sequence() > boot.sent_through + 1) {
    return absl::InvalidArgumentError(absl::StrCat("collector rewinds to sequence ", rewind.next_sequence(),
                                                   " of boot ", boot.id, ", only ", boot.sent_through, " were sent"));
  }
  // Each batch that was on its way behind the gap is answered with the same Rewind; the first one was enough.
  if (rewind.next_sequence() == boot.rewound_to) return absl::OkStatus();
  if (++rewinds_ > kRewindsWithoutProgress) {
    return absl::InvalidArgumentError(
        absl::StrCat("collector rewound ", rewinds_, " times and acknowledged nothing in between"));
  }
  boot.rewound_to = boot.next = rewind.next_sequence();
  forget_sent(*index, boot.next, std::numeric_limits<std::uint64_t>::max());
  sending_ = std::min(sending_, *index);
  at_end_ = false;
  last_change_ = std::chrono::steady_clock::now();
  return absl::OkStatus();
}

absl::StatusOr<std::optional<v1::AgentMessage>> Progress::next() {
  const std::lock_guard lock(mutex_);
  at_end_ = false;
  while (sent_.size() < window_.batches && sent_bytes_ < window_.bytes) {
    Boot& boot = boots_[sending_];
    auto item = spool_.read(boot.id, boot.next);
    if (!item.ok()) return item.status();
    if (!item->has_value()) {
      if (sending_ + 1 == boots_.size()) {
        at_end_ = true;
        return std::nullopt;
      }
      ++sending_;
      continue;
    }
    v1::AgentMessage message;
    if (auto* batch = std::get_if<v1::EventBatch>(&(*item)->content)) {
      *message.mutable_batch() = batch::slice_from(std::move(*batch), boot.next);
    } else {
      *message.mutable_gap() = std::get<v1::SequenceGap>(std::move((*item)->content));
    }
    if (sent_.empty()) last_change_ = std::chrono::steady_clock::now();
    sent_.push_back({.boot = sending_, .through = (*item)->last_sequence, .bytes = message.ByteSizeLong()});
    sent_bytes_ += sent_.back().bytes;
    boot.next = (*item)->last_sequence + 1;
    boot.sent_through = std::max(boot.sent_through, (*item)->last_sequence);
    return message;
  }
  return std::nullopt;
}

bool Progress::finished() const {
  const std::lock_guard lock(mutex_);
  return cut_short_ && at_end_ && sent_.empty();
}

bool Progress::advanced() const {
  const std::lock_guard lock(mutex_);
  return advanced_;
}

std::optional<std::chrono::steady_clock::time_point> Progress::waiting_since() const {
  const std::lock_guard lock(mutex_);
  if (sent_.empty()) return std::nullopt;
  return last_change_;
}

}  // namespace bulkhead::stream
