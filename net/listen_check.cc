#include "net/listen_check.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include "absl/strings/str_cat.h"

namespace bulkhead::net {

namespace {

namespace asio = boost::asio;

absl::Status cannot(const Endpoint& listen, const boost::system::error_code& error) {
  const std::string text = absl::StrCat("cannot listen on ", listen.text(), ": ", error.message());
  if (error == boost::system::errc::address_in_use) return absl::AlreadyExistsError(text);
  if (error == boost::system::errc::permission_denied) return absl::PermissionDeniedError(text);
  return absl::InvalidArgumentError(text);
}

absl::Status check_tcp(const Endpoint& listen) {
  asio::io_context context;
  boost::system::error_code error;
  asio::ip::tcp::resolver resolver(context);
  const auto found =
      resolver.resolve(listen.host, std::to_string(listen.port), asio::ip::resolver_query_base::passive, error);
  if (error) return cannot(listen, error);
  for (const auto& entry : found) {
    asio::ip::tcp::acceptor acceptor(context);
    acceptor.open(entry.endpoint().protocol(), error);
    // As gRPC does it: connections of a collector that just stopped must not hold up the next one.
    if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor.bind(entry.endpoint(), error);
    if (!error) acceptor.listen(1, error);
    if (error) return cannot(listen, error);
  }
  return absl::OkStatus();
}

// gRPC removes a socket that is in its way, also one that another process listens on.
absl::Status check_unix(const Endpoint& listen) {
  asio::io_context context;
  asio::local::stream_protocol::socket socket(context);
  boost::system::error_code error;
  socket.connect(asio::local::stream_protocol::endpoint(listen.path), error);
  if (!error) return cannot(listen, make_error_code(boost::system::errc::address_in_use));
  if (error == boost::system::errc::permission_denied) return cannot(listen, error);
  return absl::OkStatus();
}

}  // namespace

absl::Status check_listen(const Endpoint& listen) {
  return listen.is_unix() ? check_unix(listen) : check_tcp(listen);
}

}  // namespace bulkhead::net
