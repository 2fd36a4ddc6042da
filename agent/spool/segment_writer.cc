#include "agent/spool/segment_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <random>
#include <utility>

#include "agent/spool/segment_format.h"

namespace bulkhead::spool {
namespace {

std::uint64_t random_mark() {
  std::random_device device;
  return static_cast<std::uint64_t>(device()) << 32 | device();
}

}  // namespace

SegmentWriter::SegmentWriter(std::filesystem::path path, FileDescriptor file, std::uint64_t mark)
    : path_(std::move(path)), file_(std::move(file)), mark_(mark), bytes_(kSegmentHeaderBytes) {}

absl::StatusOr<SegmentWriter> SegmentWriter::create(std::filesystem::path path, std::uint64_t first_sequence) {
  auto file = open_file(path, O_WRONLY | O_CREAT | O_TRUNC);
  if (!file.ok()) return file.status();
  const SegmentHeader header{.first_sequence = first_sequence, .mark = random_mark()};
  if (auto status = write_at(*file, path, encode(header), 0); !status.ok()) {
    ::unlink(path.c_str());
    return status;
  }
  return SegmentWriter(std::move(path), *std::move(file), header.mark);
}

std::uint64_t SegmentWriter::record_bytes(const v1::EventBatch& batch) {
  return kRecordHeaderBytes + batch.ByteSizeLong();
}

absl::Status SegmentWriter::append(const v1::EventBatch& batch) {
  const std::string payload = batch.SerializeAsString();
  const RecordHeader header{.first_sequence = batch.first_sequence(),
                            .payload_bytes = static_cast<std::uint32_t>(payload.size()),
                            .events = static_cast<std::uint32_t>(batch.events_size()),
                            .payload_crc = crc32c(payload)};
  const std::string record = encode(header, mark_) + payload;
  if (auto status = write_at(file_, path_, record, bytes_); !status.ok()) {
    if (::ftruncate(file_.get(), static_cast<off_t>(bytes_)) != 0) broken_ = true;
    return status;
  }
  bytes_ += record.size();
  return absl::OkStatus();
}

}  // namespace bulkhead::spool
