#include "collector/sinks/http_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include "collector/sinks/connection.h"
#include "collector/sinks/pause.h"

namespace bulkhead::sinks {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;

constexpr std::size_t kHeaderBytes = 16u << 10;
constexpr std::size_t kBodyBytes = 64u << 10;
constexpr std::size_t kQuoted = 200;

// Words of the peer on one line of a log.
std::string quoted(const std::string& body) {
  std::string text = body.substr(0, kQuoted);
  std::ranges::replace_if(text, [](unsigned char byte) { return byte < 0x20 || byte > 0x7e; }, ' ');
  const std::size_t end = text.find_last_not_of(' ');
  return end == std::string::npos ? "" : text.substr(0, end + 1);
}

// Of one alert and no other: it cannot be read, is there already, is too large, or makes no sense.
bool refuses_alert(unsigned status) {
  return status == 400 || status == 409 || status == 413 || status == 422;
}

std::string_view what_to_look_at(unsigned status) {
  if (status == 401 || status == 403) return ", check the credentials and the key";
  if (status == 407) return ", a proxy in between wants credentials";
  if (status == 404 || status == 405 || status == 410) return ", check the url";
  if (status >= 300 && status < 400) return ", and redirections are not followed";
  return "";
}

}  // namespace

absl::Status judge(const HttpResponse& response, std::chrono::system_clock::time_point now) {
  if (response.status >= 200 && response.status < 300) return absl::OkStatus();
  std::string text = fmt::format("HTTP status {}{}", response.status, what_to_look_at(response.status));
  if (const std::string said = quoted(response.body); !said.empty()) text += fmt::format(": {}", said);
  if (refuses_alert(response.status)) return absl::InvalidArgumentError(text);
  absl::Status status = absl::UnavailableError(text);
  if (const auto pause = parse_retry_after(response.retry_after, now)) ask_for_pause(*pause, status);
  return status;
}

HttpClient::HttpClient(const Url& url, PeerSettings peer, std::chrono::milliseconds timeout, std::string authorization)
    : host_(url.authority()),
      timeout_(timeout),
      authorization_(std::move(authorization)),
      connection_(std::make_unique<Connection>(std::move(peer))) {}

HttpClient::~HttpClient() = default;

absl::StatusOr<HttpResponse> HttpClient::post(const HttpRequest& request, const std::stop_token& stop) {
  const Deadline deadline = std::chrono::steady_clock::now() + timeout_;
  const bool kept = connection_->is_open();
  auto response = exchange(request, deadline, stop);
  // Servers close what is idle; that says nothing about how they are.
  if (!response.ok() && kept && absl::IsUnavailable(response.status())) response = exchange(request, deadline, stop);
  return response;
}

absl::StatusOr<HttpResponse> HttpClient::exchange(const HttpRequest& request, Deadline deadline,
                                                  const std::stop_token& stop) {
  if (!connection_->is_open()) {
    if (auto status = connection_->open(deadline, stop); !status.ok()) return status;
  }
  http::request<http::string_body> message{http::verb::post, request.target, 11};
  message.set(http::field::host, host_);
  message.set(http::field::user_agent, "bulkhead-collector/" BULKHEAD_VERSION);
  if (!authorization_.empty()) message.set(http::field::authorization, authorization_);
  for (const auto& [name, value] : request.headers) message.set(name, value);
  message.body() = request.body;
  message.prepare_payload();
  const auto sent = connection_->run("write to", deadline, stop, [&](auto& stream, const auto& done) {
    http::async_write(stream, message, [done](const auto& error, std::size_t) { done(error); });
  });
  if (!sent.ok()) return sent;
  return read(deadline, stop);
}

absl::StatusOr<HttpResponse> HttpClient::read(Deadline deadline, const std::stop_token& stop) {
  beast::flat_buffer buffer(kHeaderBytes + kBodyBytes);
  http::response_parser<http::string_body> parser;
  parser.header_limit(kHeaderBytes);
  parser.body_limit(kBodyBytes);
  bool too_large = false;
  const auto status = connection_->run("read from", deadline, stop, [&](auto& stream, const auto& done) {
    http::async_read(stream, buffer, parser, [&too_large, done](const auto& error, std::size_t) {
      too_large = error == http::error::body_limit;
      done(error);
    });
  });
  // The status is the answer; the rest of a large body is left unread, with its connection.
  if (!status.ok() && !too_large) return status;
  const auto& answer = parser.get();
  HttpResponse response{.status = answer.result_int(),
                        .body = answer.body(),
                        .retry_after = std::string(answer[http::field::retry_after])};
  if (too_large || !parser.get().keep_alive()) connection_->close();
  return response;
}

}  // namespace bulkhead::sinks
