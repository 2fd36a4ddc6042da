#include "agent/record_reader.h"

#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <utility>

#include "agent/decode/decoder.h"
#include "spdlog/spdlog.h"

namespace bulkhead {

namespace asio = boost::asio;

RecordReader::RecordReader(asio::io_context& io, probes::ProbeSet& probes,
                           std::function<void(std::vector<decode::Record>& records)> take)
    : probes_(probes), take_(std::move(take)), rings_(io) {}

void RecordReader::start() {
  rings_.assign(dup(probes_.poll_descriptor()));
  watch_rings();
}

void RecordReader::stop() {
  rings_.cancel();
}

void RecordReader::watch_rings() {
  rings_.async_wait(asio::posix::stream_descriptor::wait_read, [this](const boost::system::error_code& error) {
    if (error) return;
    drain();
    watch_rings();
  });
}

void RecordReader::drain() {
  drained_.clear();
  probes_.drain([this](std::span<const std::byte> bytes) {
    absl::StatusOr<decode::Record> record = decode::decode(bytes);
    if (record.ok()) {
      drained_.push_back(*std::move(record));
    } else {
      ++malformed_[v1::PROBE_UNSPECIFIED];
      spdlog::error("a kernel record was not understood: {}", std::string(record.status().message()));
    }
  });
  // Each CPU has a ring of its own; what belongs together is told by time.
  std::stable_sort(drained_.begin(), drained_.end(), [](const decode::Record& left, const decode::Record& right) {
    return decode::header_of(left).time_ns < decode::header_of(right).time_ns;
  });
  for (const decode::Record& record : drained_) ++decoded_[decode::header_of(record).probe];
  take_(drained_);
}

std::uint64_t RecordReader::decoded(v1::Probe probe) const {
  const auto count = decoded_.find(probe);
  return count == decoded_.end() ? 0 : count->second;
}

}  // namespace bulkhead
