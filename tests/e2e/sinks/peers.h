// Real servers that the tests send alerts to: programs of Debian's packages, unpacked by `scripts/install-deps peers`
// or installed, on free ports of 127.0.0.1, with all their files in the test's folder.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/stage/child_process.h"
#include "tests/unit/store/fixture.h"

namespace bulkhead::test {

// With its path; nothing when there is none.
std::optional<std::string> find_peer(const std::string& program);
// Below the folder that peers were unpacked to, if it is there, else below /.
std::string peer_file(const std::string& path);

// The command in a mount namespace of its own, where /usr/share is that of the unpacked packages: some programs read
// what they need from there. As it is for a program that is installed. Needs root.
std::vector<std::string> with_its_share(const std::vector<std::string>& words);

std::uint16_t free_port();

// The body of the answer to a GET of 127.0.0.1; empty when there is none.
std::string http_get(std::uint16_t port, const std::string& target);

// ca.pem with peer.pem, peer.key (for 127.0.0.1 and syslog.test) and client.pem, client.key; other-ca.pem of nobody.
void make_certificates(const std::filesystem::path& directory);

// Fails the test when it cannot be started. Ends with its life, by its pid.
class Peer {
 public:
  Peer(std::vector<std::string> words, std::uint16_t port, std::string log);
  // Returns once it listens.
  void start();
  // SIGKILL.
  void kill();
  // SIGSTOP: its kernel goes on taking what is sent.
  void pause();

 private:
  const std::vector<std::string> words_;
  const std::uint16_t port_;
  const std::string log_;
  std::unique_ptr<stage::ChildProcess> process_;
};

}  // namespace bulkhead::test
