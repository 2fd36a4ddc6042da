// What the streams share: the writer, the directory, and which stream speaks for which host.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "collector/directory/directory.h"
#include "collector/ingest/counters.h"
#include "collector/ingest/ingest.h"
#include "collector/ingest/writer.h"

namespace bulkhead::ingest {

class Stream;

// Thread safe. Never calls into a stream while its own mutex is held.
class Hub {
 public:
  Hub(store::EventLog& log, store::SequenceLedger& ledger, directory::Directory& directory, Options options);
  ~Hub();

  const Options& options() const { return options_; }
  Counters& counters() { return counters_; }
  const Counters& counters() const { return counters_; }
  directory::Directory& directory() { return directory_; }
  store::SequenceLedger& ledger() { return ledger_; }
  Writer& writer() { return writer_; }
  const Writer& writer() const { return writer_; }

  // Takes a new stream, or says why not.
  absl::StatusOr<directory::Directory::Connection> admit(std::shared_ptr<Stream> stream);
  // The stream speaks for the Hello's host from here on; a stream that did before is ended.
  absl::Status claim(const v1::Hello& hello, directory::Directory::Connection connection);
  // The stream is over.
  void remove(directory::Directory::Connection connection, const std::string& host_id);

  void set_policy(std::shared_ptr<const v1::AgentPolicy> policy);
  // Null before the first.
  std::shared_ptr<const v1::AgentPolicy> policy() const;

  void stop(std::chrono::milliseconds timeout);
  std::size_t streams() const;

 private:
  void tick();
  std::vector<std::shared_ptr<Stream>> all() const;

  const Options options_;
  Counters counters_;
  directory::Directory& directory_;
  store::SequenceLedger& ledger_;

  mutable std::mutex mutex_;
  std::condition_variable emptied_;
  bool stopping_ = false;
  directory::Directory::Connection last_connection_ = 0;
  std::map<directory::Directory::Connection, std::shared_ptr<Stream>> streams_;
  std::map<std::string, directory::Directory::Connection> speakers_;  // by host id
  std::shared_ptr<const v1::AgentPolicy> policy_;

  // Last: its thread uses all of the above.
  Writer writer_;
};

}  // namespace bulkhead::ingest
