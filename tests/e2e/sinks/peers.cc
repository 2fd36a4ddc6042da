#include "tests/e2e/sinks/peers.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <catch2/catch.hpp>
#include <csignal>
#include <cstdlib>

#include "tests/unit/sinks/sample.h"

namespace bulkhead::test {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using std::chrono::milliseconds;

std::filesystem::path peers_dir() {
  const char* chosen = std::getenv("BULKHEAD_PEERS_DIR");
  return chosen != nullptr ? chosen : BULKHEAD_PEERS_DIR;
}

tcp::endpoint local(std::uint16_t port) {
  return {asio::ip::address_v4::loopback(), port};
}

bool listens(std::uint16_t port) {
  asio::io_context context;
  tcp::socket socket(context);
  boost::system::error_code error;
  socket.connect(local(port), error);
  return !error;
}

}  // namespace

std::optional<std::string> find_peer(const std::string& program) {
  for (const auto& root : {peers_dir(), std::filesystem::path("/")}) {
    for (const char* folder : {"usr/bin", "usr/sbin"}) {
      const auto path = root / folder / program;
      if (std::filesystem::exists(path)) return path.string();
    }
  }
  return std::nullopt;
}

std::string peer_file(const std::string& path) {
  const auto unpacked = peers_dir() / path;
  return std::filesystem::exists(unpacked) ? unpacked.string() : "/" + path;
}

std::vector<std::string> with_its_share(const std::vector<std::string>& words) {
  if (!words.front().starts_with(peers_dir().string())) return words;
  std::vector<std::string> wrapped = {
      "unshare", "--mount", "sh", "-c", "mount --bind \"$0\" /usr/share && exec \"$@\"", peer_file("usr/share")};
  wrapped.insert(wrapped.end(), words.begin(), words.end());
  return wrapped;
}

std::uint16_t free_port() {
  asio::io_context context;
  return tcp::acceptor(context, local(0)).local_endpoint().port();
}

std::string http_get(std::uint16_t port, const std::string& target) {
  asio::io_context context;
  tcp::socket socket(context);
  boost::system::error_code error;
  socket.connect(local(port), error);
  if (error) return "";
  const std::string request = "GET " + target + " HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n";
  asio::write(socket, asio::buffer(request), error);
  std::string answer;
  asio::read(socket, asio::dynamic_buffer(answer), error);
  const auto body = answer.find("\r\n\r\n");
  return body == std::string::npos ? "" : answer.substr(body + 4);
}

void make_certificates(const std::filesystem::path& directory) {
  const auto file = [&](const std::string& name) { return (directory / name).string(); };
  const auto openssl = [](std::vector<std::string> words) {
    words.insert(words.begin(), "openssl");
    const auto status =
        stage::run_checked({.words = words, .stderr_file = "/dev/null", .namespaces = {}}, milliseconds(20000));
    INFO(status.message());
    REQUIRE(status.ok());
  };
  const std::vector<std::string> key = {"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"};
  for (const std::string ca : {"ca", "other-ca"}) {
    std::vector<std::string> words = {"req",       "-x509",   "-days",           "2",    "-subj",
                                      "/CN=" + ca, "-keyout", file(ca + ".key"), "-out", file(ca + ".pem")};
    words.insert(words.end(), key.begin(), key.end());
    openssl(words);
  }
  for (const std::string who : {"peer", "client"}) {
    std::vector<std::string> words = {"req",
                                      "-subj",
                                      "/CN=" + who,
                                      "-addext",
                                      "subjectAltName=DNS:syslog.test,IP:127.0.0.1",
                                      "-keyout",
                                      file(who + ".key"),
                                      "-out",
                                      file(who + ".csr")};
    words.insert(words.end(), key.begin(), key.end());
    openssl(words);
    openssl({"x509", "-req", "-in", file(who + ".csr"), "-CA", file("ca.pem"), "-CAkey", file("ca.key"),
             "-CAcreateserial", "-days", "2", "-copy_extensions", "copy", "-out", file(who + ".pem")});
  }
}

Peer::Peer(std::vector<std::string> words, std::uint16_t port, std::string log)
    : words_(std::move(words)), port_(port), log_(std::move(log)) {}

void Peer::start() {
  stage::Command command{.words = {"/usr/bin/env", "LD_LIBRARY_PATH=" + peer_file("usr/lib/x86_64-linux-gnu")},
                         .stderr_file = log_,
                         .namespaces = {}};
  command.words.insert(command.words.end(), words_.begin(), words_.end());
  auto started = stage::ChildProcess::start(command);
  INFO(started.status().message());
  REQUIRE(started.ok());
  process_ = std::make_unique<stage::ChildProcess>(*std::move(started));
  const bool ready = eventually([this] { return listens(port_); }, std::chrono::seconds(15));
  INFO(words_.front() << " does not listen; it said: " << content_of(log_));
  REQUIRE(ready);
}

void Peer::kill() {
  process_->signal(SIGKILL);
  REQUIRE(process_->wait(milliseconds(5000)).ok());
  process_.reset();
}

void Peer::pause() {
  process_->signal(SIGSTOP);
}

}  // namespace bulkhead::test
