// The chains of all images that the host's domains have, read apart from everything else: storage that hangs costs a
// thread of this and nothing more.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "agent/inventory/image_chain.h"
#include "agent/inventory/model.h"

namespace bulkhead::inventory {

struct ChainReaderOptions {
  // Between looks at images that nobody asked about: at most this long until a header that was replaced shows.
  std::chrono::milliseconds interval{30'000};
  // One image may take so long; then it is said not to answer, and read again once it did.
  std::chrono::milliseconds patience{5'000};
};

// All member functions are thread safe, and none but wait() and the destructor waits.
class ChainReader {
 public:
  // `changed` is called on a thread of this, when fill() would say more or other things than it did.
  ChainReader(ChainReaderOptions options, std::function<void()> changed);
  // Waits for `changed`, and for no storage.
  ~ChainReader();
  ChainReader(const ChainReader&) = delete;
  ChainReader& operator=(const ChainReader&) = delete;

  // Puts into the snapshot's volumes what is known of their chains, and has all of them looked at, those first that are
  // new. A chain that is not known, or may be longer, ends in an image without a source, with the reason.
  // Raw images have none: what looks like a header there is the guest's own bytes.
  void fill(Snapshot& snapshot);

  // Until everything that was asked for is known. False after `patience`.
  bool wait(std::chrono::milliseconds patience);

 private:
  using Key = std::pair<std::string, std::string>;  // path, format
  struct Batch;
  struct Entry {
    ImageChain chain;
    bool known = false;
    bool due = true;
    std::weak_ptr<Batch> hung;  // there while a thread of this waits for its storage
  };

  void run();
  void read(std::vector<Key> keys);
  void settle(const Batch& batch, std::size_t count);
  static void work(std::shared_ptr<Batch> batch);
  std::vector<Key> due_now();

  const ChainReaderOptions options_;
  const std::function<void()> changed_;
  const std::shared_ptr<HeaderCache> cache_ = std::make_shared<HeaderCache>();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::map<Key, Entry> entries_;               // guarded by mutex_
  std::vector<std::weak_ptr<Batch>> hanging_;  // guarded by mutex_
  bool due_ = false;                           // guarded by mutex_
  bool busy_ = false;                          // guarded by mutex_
  bool stopping_ = false;                      // guarded by mutex_
  std::thread thread_;
};

}  // namespace bulkhead::inventory
