#include "agent/spool/boot_queue.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "agent/spool/file.h"
#include "agent/spool/segment_format.h"
#include "proto/batch/batch.h"

namespace bulkhead::spool {
namespace {

constexpr std::string_view kSegmentSuffix = ".segment";
constexpr std::size_t kSegmentDigits = 20;

std::optional<std::uint64_t> first_sequence_of(const std::string& name) {
  if (name.size() != kSegmentDigits + kSegmentSuffix.size() || !name.ends_with(kSegmentSuffix)) return std::nullopt;
  std::uint64_t first = 0;
  const char* end = name.data() + kSegmentDigits;
  const auto [stopped, error] = std::from_chars(name.data(), end, first);
  if (error != std::errc() || stopped != end || first == 0) return std::nullopt;
  return first;
}

}  // namespace

absl::StatusOr<BootQueue> BootQueue::open(std::filesystem::path dir, std::string boot_id) {
  BootQueue queue(std::move(dir), std::move(boot_id));
  if (auto status = queue.find_segments(); !status.ok()) return status;
  if (auto status = queue.find_end(); !status.ok()) return status;
  if (auto status = queue.load_state(); !status.ok()) return status;
  return queue;
}

std::filesystem::path BootQueue::path_of(std::uint64_t first) const {
  return dir_ / absl::StrFormat("%020d%s", first, std::string(kSegmentSuffix));
}

absl::Status BootQueue::find_segments() {
  std::error_code error;
  for (std::filesystem::directory_iterator entry(dir_, error), end; !error && entry != end; entry.increment(error)) {
    const auto first = first_sequence_of(entry->path().filename().string());
    if (!first) continue;
    const std::uint64_t size = entry->file_size(error);
    if (error) return system_error(entry->path(), "read", error.value());
    segments_.push_back({.first = *first, .bytes = size});
    bytes_ += size;
  }
  if (error) return system_error(dir_, "listed", error.value());
  std::sort(segments_.begin(), segments_.end(), [](const Segment& a, const Segment& b) { return a.first < b.first; });
  return absl::OkStatus();
}

absl::Status BootQueue::find_end() {
  if (segments_.empty()) return absl::OkStatus();
  Segment& last = segments_.back();
  auto reader = SegmentReader::open(path_of(last.first), last.first);
  if (!reader.ok()) return reader.status();
  const SegmentReader::Extent extent = reader->walk(last.bytes);
  next_ = std::max(extent.last_sequence + 1, last.first);
  const std::uint64_t tail_bytes = last.bytes - extent.valid_bytes;
  switch (extent.tail) {
    case Tail::kNone:
      return absl::OkStatus();
    case Tail::kTorn:
      break;
    case Tail::kDamaged:
      // Sequences of events that may have been sent must never be given to others.
      next_ += tail_bytes / kLeastEventBytes + 1;
      break;
  }
  spdlog::warn("spool: {} ends in {} bytes that are {}; they are cut off", path_of(last.first).string(), tail_bytes,
               extent.tail == Tail::kTorn ? "half a record" : "damaged");
  cut_bytes_ = tail_bytes;
  cut_.emplace(path_of(last.first), extent.valid_bytes);
  last.bytes = extent.valid_bytes;
  bytes_ -= tail_bytes;
  return absl::OkStatus();
}

absl::Status BootQueue::load_state() {
  auto state = load_boot_state(state_path());
  if (state.ok()) {
    state_ = *state;
  } else if (absl::IsNotFound(state.status()) || absl::IsDataLoss(state.status())) {
    // Without it the offset is unknown. Not met: what is held is numbered anew, rather twice in the store than never.
    if (absl::IsDataLoss(state.status())) {
      spdlog::warn("spool: {}; events of boot {} may be sent twice", std::string(state.status().message()), boot_id_);
    }
  } else {
    return state.status();
  }
  if (!segments_.empty()) state_.acknowledged = std::max(state_.acknowledged, segments_.front().first - 1);
  next_ = std::max(next_, state_.acknowledged + 1);
  return absl::OkStatus();
}

absl::Status BootQueue::cut_end() {
  if (!cut_) return absl::OkStatus();
  std::error_code error;
  std::filesystem::resize_file(cut_->first, cut_->second, error);
  if (error) return system_error(cut_->first, "cut", error.value());
  cut_.reset();
  return absl::OkStatus();
}

absl::Status BootQueue::roll() {
  auto writer = SegmentWriter::create(path_of(next_), next_);
  if (!writer.ok()) return writer.status();
  writer_ = *std::move(writer);
  if (!segments_.empty() && segments_.back().first == next_) {
    // It held nothing and was made anew.
    bytes_ -= segments_.back().bytes;
    segments_.pop_back();
    cut_.reset();
  }
  segments_.push_back({.first = next_, .bytes = writer_->bytes()});
  bytes_ += writer_->bytes();
  // Only now: until the new segment is there, the old one's length keeps its sequences from being given out again.
  if (auto status = cut_end(); !status.ok()) return status;
  return trim();
}

bool BootQueue::roll_wanted(std::uint64_t record_bytes, std::uint64_t segment_bytes) const {
  if (!writer_ || writer_->broken()) return true;
  return next_ > segments_.back().first && writer_->bytes() + record_bytes > segment_bytes;
}

bool BootQueue::roll_frees() const {
  return writer_ && next_ > segments_.back().first && state_.acknowledged == next_ - 1;
}

absl::Status BootQueue::append(const v1::EventBatch& batch) {
  const std::uint64_t before = writer_->bytes();
  if (auto status = writer_->append(batch); !status.ok()) return status;
  segments_.back().bytes = writer_->bytes();
  bytes_ += writer_->bytes() - before;
  next_ = batch::last_sequence(batch) + 1;
  return absl::OkStatus();
}

absl::Status BootQueue::trim() {
  bool deleted = false;
  while (segments_.size() > 1 && segments_[1].first - 1 <= state_.acknowledged) {
    std::error_code error;
    std::filesystem::remove(path_of(segments_.front().first), error);
    if (error) return system_error(path_of(segments_.front().first), "deleted", error.value());
    bytes_ -= segments_.front().bytes;
    segments_.pop_front();
    deleted = true;
  }
  return deleted ? save() : absl::OkStatus();
}

absl::Status BootQueue::acknowledge(std::uint64_t through) {
  if (through <= state_.acknowledged) return absl::OkStatus();
  state_.acknowledged = through;
  return trim();
}

absl::Status BootQueue::settle(std::uint64_t offset, std::uint64_t acknowledged) {
  const BootState settled{.met = true, .offset = offset, .acknowledged = acknowledged};
  if (auto status = save_boot_state(state_path(), settled, true); !status.ok()) return status;
  state_ = settled;
  return trim();
}

absl::Status BootQueue::save() const {
  return save_boot_state(state_path(), state_, false);
}

absl::Status BootQueue::remove() {
  std::error_code error;
  std::filesystem::remove_all(dir_, error);
  if (error) return system_error(dir_, "deleted", error.value());
  segments_.clear();
  bytes_ = 0;
  return absl::OkStatus();
}

std::uint64_t BootQueue::first_held() const {
  return segments_.empty() ? next_ : segments_.front().first;
}

BootQueue::View BootQueue::view(std::uint64_t sequence) const {
  const auto after =
      std::upper_bound(segments_.begin(), segments_.end(), sequence,
                       [](std::uint64_t value, const Segment& segment) { return value < segment.first; });
  const Segment& segment = *std::prev(after);
  return {.path = path_of(segment.first),
          .first = segment.first,
          .beyond = after == segments_.end() ? next_ : after->first,
          .end = segment.bytes};
}

std::uint64_t BootQueue::note_damage(std::uint64_t from, std::uint64_t through) {
  if (through <= damage_noted_) return 0;
  const std::uint64_t news = through - std::max(from, damage_noted_ + 1) + 1;
  damage_noted_ = through;
  return news;
}

}  // namespace bulkhead::spool
