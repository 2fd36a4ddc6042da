// receiver.py as a peer.
#pragma once

#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "collector/sinks/settings.h"
#include "tests/e2e/sinks/peers.h"
#include "tests/unit/sinks/sample.h"

#define NEEDS_PYTHON() \
  if (!::bulkhead::test::find_peer("python3")) BULKHEAD_SKIP("there is no python3; run scripts/install-deps peers")

namespace bulkhead::test {

class Receiver {
 public:
  explicit Receiver(const TempDir& dir, std::vector<std::string> options = {}) : dir_(dir.path()), port_(free_port()) {
    std::ofstream(path("hmac.key")) << "a secret of the test\n";
    std::vector<std::string> words = {*find_peer("python3"),
                                      BULKHEAD_SOURCE_DIR "/tests/e2e/sinks/receiver.py",
                                      "--port",
                                      std::to_string(port_),
                                      "--key-file",
                                      path("hmac.key"),
                                      "--log",
                                      path("received"),
                                      "--attempts",
                                      path("attempts"),
                                      "--answer",
                                      path("answer")};
    words.insert(words.end(), options.begin(), options.end());
    peer_ = std::make_unique<Peer>(std::move(words), port_, path("receiver.log"));
  }

  Peer& peer() { return *peer_; }

  sinks::WebhookTarget target(bool tls = false) const {
    sinks::WebhookTarget target;
    target.url =
        *sinks::parse_url((tls ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(port_) + "/alerts");
    target.hmac_key_file = path("hmac.key");
    target.timeout = std::chrono::seconds(3);
    return target;
  }

  // To every request from now on: a status, and a Retry-After behind it. Empty: as it should.
  void answer_with(const std::string& words) {
    std::ofstream(path("answer.new")) << words;
    if (words.empty()) {
      std::filesystem::remove(path("answer"));
    } else {
      std::filesystem::rename(path("answer.new"), path("answer"));
    }
  }
  // Its secret, from the next start on.
  void set_key(const std::string& key) { std::ofstream(path("hmac.key")) << key << '\n'; }

  // Pairs of delivery id and alert uid, as it has them on disk.
  std::vector<std::pair<std::string, std::string>> received() const {
    std::vector<std::pair<std::string, std::string>> all;
    std::istringstream text(content_of(path("received")));
    for (std::string id, uid; text >> id >> uid;) all.emplace_back(id, uid);
    return all;
  }

 private:
  std::string path(const std::string& name) const { return (dir_ / name).string(); }

  const std::filesystem::path dir_;
  const std::uint16_t port_;
  std::unique_ptr<Peer> peer_;
};

// So many alerts, each under one id.
inline void check_received(const Receiver& receiver, std::size_t count) {
  std::set<std::string> ids;
  std::set<std::string> uids;
  for (const auto& [id, uid] : receiver.received()) {
    ids.insert(id);
    uids.insert(uid);
  }
  CHECK(receiver.received().size() == count);
  CHECK(ids.size() == count);
  CHECK(uids.size() == count);
}

}  // namespace bulkhead::test
