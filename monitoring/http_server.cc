#include "monitoring/http_server.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <thread>

#include "absl/strings/str_cat.h"
#include "net/listen_check.h"

namespace bulkhead::monitoring {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;

constexpr std::size_t kConnections = 64;
constexpr std::size_t kRequestBytes = 8192;
constexpr std::chrono::seconds kTimeout{10};

using Response = http::response<http::string_body>;

Response answer(const HttpServer::Pages& pages, const http::request<http::empty_body>& request) {
  Response response;
  response.version(11);
  response.keep_alive(false);
  response.set(http::field::server, "bulkhead");
  response.set(http::field::content_type, "text/plain; charset=utf-8");
  const auto page = pages.find(std::string(request.target().substr(0, request.target().find('?'))));
  if (request.method() != http::verb::get && request.method() != http::verb::head) {
    response.result(http::status::method_not_allowed);
    response.set(http::field::allow, "GET, HEAD");
  } else if (page == pages.end()) {
    response.result(http::status::not_found);
    response.body() = "not found\n";
  } else {
    Page made = page->second();
    response.result(made.healthy ? http::status::ok : http::status::service_unavailable);
    response.set(http::field::content_type, made.content_type);
    response.body() = std::move(made.body);
  }
  response.prepare_payload();
  if (request.method() == http::verb::head) response.body().clear();
  return response;
}

// One request and its answer. Lives as long as an operation on it does.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, const HttpServer::Pages& pages, std::shared_ptr<void> place)
      : stream_(std::move(socket)), pages_(pages), place_(std::move(place)) {
    parser_.header_limit(kRequestBytes);
    parser_.body_limit(0);
  }

  void run() {
    stream_.expires_after(kTimeout);
    http::async_read(stream_, buffer_, parser_, [self = shared_from_this()](beast::error_code error, std::size_t) {
      if (!error) self->respond();
    });
  }

 private:
  void respond() {
    response_ = answer(pages_, parser_.get());
    stream_.expires_after(kTimeout);
    http::async_write(stream_, response_, [self = shared_from_this()](beast::error_code, std::size_t) {
      beast::error_code ignored;  // the peer may be gone first
      self->stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    });
  }

  beast::tcp_stream stream_;
  const HttpServer::Pages& pages_;
  const std::shared_ptr<void> place_;
  beast::flat_buffer buffer_{kRequestBytes};
  http::request_parser<http::empty_body> parser_;
  Response response_;
};

class BeastServer final : public HttpServer {
 public:
  explicit BeastServer(Pages pages) : pages_(std::move(pages)), acceptor_(context_) {}
  ~BeastServer() override {
    context_.stop();
    if (thread_.joinable()) thread_.join();
  }

  const net::Endpoint& address() const override { return address_; }

  absl::Status start(const net::Endpoint& listen) {
    if (auto status = net::check_listen(listen); !status.ok()) return status;
    beast::error_code error;
    tcp::resolver resolver(context_);
    const auto found = resolver.resolve(listen.host, std::to_string(listen.port), error);
    tcp::endpoint local;
    if (!error) local = found.begin()->endpoint();
    if (!error) acceptor_.open(local.protocol(), error);
    if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor_.bind(local, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) return absl::AlreadyExistsError(absl::StrCat("cannot listen on ", listen.text(), ": ", error.message()));
    address_ = listen;
    address_.port = acceptor_.local_endpoint().port();
    accept();
    thread_ = std::thread([this] { context_.run(); });
    return absl::OkStatus();
  }

 private:
  void accept() {
    acceptor_.async_accept([this](beast::error_code error, tcp::socket socket) {
      if (error == asio::error::operation_aborted) return;
      // A connection beyond the limit is closed by leaving it.
      if (!error && connections_ < kConnections) {
        ++connections_;
        const std::shared_ptr<void> place(nullptr, [this](void*) { --connections_; });
        std::make_shared<Session>(std::move(socket), pages_, place)->run();
      }
      accept();
    });
  }

  const Pages pages_;
  net::Endpoint address_;
  std::size_t connections_ = 0;  // the server's thread's
  asio::io_context context_;     // ends the sessions, which use all of the above
  tcp::acceptor acceptor_;
  std::thread thread_;
};

}  // namespace

Page metrics_page(const Figures& figures) {
  return {.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = figures.text()};
}

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::start(const net::Endpoint& listen, Pages pages) {
  if (listen.is_unix()) return absl::InvalidArgumentError("the HTTP address must be HOST:PORT");
  auto server = std::make_unique<BeastServer>(std::move(pages));
  if (auto status = server->start(listen); !status.ok()) return status;
  return server;
}

}  // namespace bulkhead::monitoring
