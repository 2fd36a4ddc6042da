// A host whose operators use libvirt on a customer's domain: what they do, and what Bulkhead says of it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bulkhead/v1/event.pb.h"
#include "tests/e2e/host/small_host.h"

namespace bulkhead::stage {

// Two of the provider's people, as users that every Debian has and nothing runs as: virsh wants a name.
inline constexpr int kKim = 2;  // bin
inline constexpr int kLee = 5;  // games

struct ControlOptions {
  std::string policy;
  bool listen_tcp = false;
  // Before the agent comes.
  bool start_domain = true;
  // PrivateLibvirt::Options.
  bool sandbox = true;
};

class ControlHost {
 public:
  // A domain acme-1 with a VNC display, a pty console and a channel for a guest agent, watched.
  explicit ControlHost(const ControlOptions& options = {});

  SmallHost& host() { return *host_; }
  AlertStream& alerts() { return *alerts_; }

  // That person's `virsh`, to its end, whatever came of it: its pid.
  pid_t virsh(int uid, std::vector<std::string> words);
  // A subject of tests/support/subjects, likewise.
  pid_t subject(int uid, std::vector<std::string> words);
  // libvirt_caller on acme-1, by root: connected, and waiting for a line. It ends with this.
  ChildProcess caller(const std::string& call);

  Alert alert_of(pid_t actor);
  // Once an alert about an act that came after all others is there, theirs are, too.
  void settle();
  bool told_of(pid_t actor) const;

  // All stored events of that process; waits until there are `least`.
  std::vector<v1::Event> events_of(pid_t actor, std::size_t least);
  // The event with the answer to that process's call.
  v1::ControlCall answer_to(pid_t actor);
  // All of the probe.
  std::vector<v1::Event> calls();

  std::string ask(std::vector<std::string> words);
  // What `bulkhead-agent inventory` says, as JSON.
  std::string inventory();
  std::string path(const std::string& name) const { return host_->libvirt.state_dir() / name; }

 private:
  pid_t run_as(int uid, std::vector<std::string> words);

  std::unique_ptr<SmallHost> host_;
  std::unique_ptr<AlertStream> alerts_;
};

}  // namespace bulkhead::stage
