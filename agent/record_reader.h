// Reads the kernel's records: out of the rings when there are any, decoded and in the order of time.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "agent/decode/records.h"
#include "agent/probes/probe_set.h"

namespace bulkhead {

// Belongs to the thread that runs `io`.
class RecordReader {
 public:
  // `probes` must outlive this. `take` is called after each look into the rings, also when nothing was in them.
  RecordReader(boost::asio::io_context& io, probes::ProbeSet& probes,
               std::function<void(std::vector<decode::Record>& records)> take);

  // Drains the rings whenever there is something in them, until stop().
  void start();
  void stop();

  void drain();

  // Records of this probe so far. An actor record belongs to no probe, and is counted as none of theirs.
  std::uint64_t decoded(v1::Probe probe) const;
  // Those that were not understood, by probe where that is known.
  const std::map<v1::Probe, std::uint64_t>& malformed() const { return malformed_; }

 private:
  void watch_rings();

  probes::ProbeSet& probes_;
  const std::function<void(std::vector<decode::Record>& records)> take_;
  boost::asio::posix::stream_descriptor rings_;
  std::map<v1::Probe, std::uint64_t> decoded_;
  std::map<v1::Probe, std::uint64_t> malformed_;
  std::vector<decode::Record> drained_;
};

}  // namespace bulkhead
