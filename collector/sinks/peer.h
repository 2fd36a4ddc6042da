// Whom a sink connects to. Private to this folder.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace boost::asio::ssl {
class context;
}

namespace bulkhead::sinks {

using TlsContext = std::shared_ptr<boost::asio::ssl::context>;

struct PeerSettings {
  std::string host;
  std::uint16_t port = 0;
  // None: plaintext.
  TlsContext tls;
  bool verify = true;
  // Empty: `host`.
  std::string server_name;
};

}  // namespace bulkhead::sinks
