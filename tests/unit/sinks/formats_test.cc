#include <catch2/catch.hpp>

#include "collector/sinks/cef.h"
#include "collector/sinks/pause.h"
#include "collector/sinks/syslog_message.h"
#include "collector/sinks/url.h"
#include "collector/sinks/webhook_sink.h"
#include "tests/unit/sinks/sample.h"

namespace bulkhead::sinks {
namespace {

using test::alert_with;

Delivery delivery_of(const v1::Alert& alert, Activity activity = Activity::kCreate) {
  return {&alert, activity, delivery_id(alert, activity)};
}

std::string url_error(const std::string& text) {
  const auto url = parse_url(text);
  return url.ok() ? "none" : std::string(url.status().message());
}

}  // namespace

TEST_CASE("a delivery's id depends on the alert, what happened and how far it grew, and on nothing else") {
  const v1::Alert alert = alert_with("a");
  const std::string id = delivery_id(alert, Activity::kCreate);
  CHECK(id.size() == 32);
  v1::Alert reworded = alert;
  reworded.set_message("other words");
  CHECK(delivery_id(reworded, Activity::kCreate) == id);
  CHECK(delivery_id(alert, Activity::kUpdate) != id);
  CHECK(delivery_id(alert_with("b"), Activity::kCreate) != id);
  CHECK(delivery_id(alert_with("a", 2), Activity::kCreate) != id);
  v1::Alert acknowledged = alert;
  acknowledged.set_state(v1::ALERT_STATE_ACKNOWLEDGED);
  CHECK(delivery_id(acknowledged, Activity::kCreate) != id);
  v1::Alert again = alert;
  again.add_history()->mutable_time()->set_seconds(7);
  CHECK(delivery_id(again, Activity::kCreate) != id);
}

TEST_CASE(
    "CEF escapes pipes and backslashes in the header, equal signs, backslashes and line breaks in the extension") {
  v1::Alert alert = alert_with("a");
  alert.mutable_rule()->set_title("a|b\\c=d\ne");
  alert.set_actor_tenant("x=y|z\\");
  alert.set_message("first\nsecond\rthird\x01=");
  const std::string line = to_cef(delivery_of(alert));
  CHECK_THAT(line, Catch::StartsWith("CEF:0|Bulkhead|Bulkhead|") &&
                       Catch::Contains("|MEM-01|a\\|b\\\\c=d e|9|externalId=a act=create cnt=1 "));
  CHECK_THAT(line, Catch::Contains("cs1Label=actorTenant cs1=x\\=y|z\\\\ cs2Label=objectTenant cs2=tenant-b "));
  CHECK_THAT(line, Catch::EndsWith("msg=first\\nsecond\\rthird \\="));
  CHECK(line.find('\n') == std::string::npos);
}

TEST_CASE("a syslog message is RFC 5424's, with facility and severity, and structured data that is escaped") {
  v1::Alert alert = alert_with("a\"]\\");
  const SyslogIdentity identity{.facility = 16, .hostname = "collector 1", .process_id = "77"};
  const std::string message = to_syslog(delivery_of(alert, Activity::kUpdate), identity, SyslogPayload::kOcsf);
  CHECK_THAT(message, Catch::StartsWith("<130>1 2026-01-01T00:00:01.000Z collector_1 bulkhead-collector 77 alert "
                                        "[bulkhead@32473 id=\""));
  CHECK_THAT(
      message,
      Catch::Contains(" uid=\"a\\\"\\]\\\\\" activity=\"update\" rule=\"MEM-01\" count=\"1\"] {\"class_uid\":2004"));
  CHECK(frame("abc") == "3 abc");
  alert.mutable_rule()->set_severity(v1::SEVERITY_LOW);
  CHECK_THAT(
      to_syslog(delivery_of(alert), {.facility = 0, .hostname = "", .process_id = ""}, SyslogPayload::kCef),
      Catch::StartsWith("<5>1 ") && Catch::Contains("Z - bulkhead-collector - alert ") && Catch::Contains("] CEF:0|"));
}

TEST_CASE("the webhook's signature is HMAC-SHA256 over timestamp, dot and body") {
  // echo -n '1700000000.{"a":1}' | openssl dgst -sha256 -hmac secret
  CHECK(webhook_signature("secret", "1700000000", "{\"a\":1}") ==
        "sha256=49f24e537407743fa4a0242bb63b94b9a47ee99cbbe071ccd8a22550ae411686");
}

TEST_CASE("what peers answer is taken, refused for good, or tried again") {
  const auto judged = [](unsigned status, const std::string& body = "") {
    return judge({.status = status, .body = body}, std::chrono::system_clock::now());
  };
  for (const unsigned status : {200u, 202u, 204u}) CHECK(judged(status).ok());
  // This alert.
  for (const unsigned status : {400u, 409u, 413u, 422u}) {
    INFO(status);
    CHECK(absl::IsInvalidArgument(judged(status)));
  }
  // Whatever is sent.
  for (const unsigned status :
       {301u, 401u, 403u, 404u, 405u, 407u, 408u, 410u, 415u, 425u, 429u, 451u, 500u, 502u, 503u}) {
    INFO(status);
    CHECK(absl::IsUnavailable(judged(status)));
  }
  CHECK(judged(400, "bad\nlabel \x1b[31m").message() == "HTTP status 400: bad label  [31m");
  CHECK(judged(401, "no").message() == "HTTP status 401, check the credentials and the key: no");
  CHECK(judged(404).message() == "HTTP status 404, check the url");
}

TEST_CASE("a pause that a peer asks for is seconds or a date, bounded, and in what is tried again alone") {
  using namespace std::chrono_literals;
  // Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110.
  const auto now = std::chrono::system_clock::from_time_t(784111777);
  const auto pause = [&](const std::string& value, unsigned status = 503) {
    return asked_pause(judge({.status = status, .body = "", .retry_after = value}, now));
  };
  CHECK(pause("30") == 30s);
  CHECK(pause(" 7 ", 429) == 7s);
  CHECK(pause("Sun, 06 Nov 1994 08:50:07 GMT") == 30s);
  CHECK(pause("3601") == kLongestAskedPause);
  CHECK(pause("99999999999999999999999") == kLongestAskedPause);
  CHECK(pause("Fri, 31 Dec 1999 23:59:59 GMT") == kLongestAskedPause);
  for (const char* nothing : {"", "0", "-5", "soon", "1.5", "Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994"}) {
    INFO(nothing);
    CHECK(pause(nothing) == 0s);
  }
  CHECK(pause("30", 400) == 0s);
  CHECK(asked_pause(absl::OkStatus()) == 0s);
}

TEST_CASE("URLs are taken apart, and what is no good one is refused with the reason") {
  const auto url = parse_url("https://siem.example:8443/hook?token=s3cret");
  REQUIRE(url.ok());
  CHECK(url->tls);
  CHECK(url->host == "siem.example");
  CHECK(url->port == 8443);
  CHECK(url->target == "/hook?token=s3cret");
  CHECK(url->text() == "https://siem.example:8443/hook");
  CHECK(parse_url("http://[::1]:9/")->host == "::1");
  CHECK(parse_url("http://[::1]")->authority() == "[::1]");
  CHECK(parse_url("http://a")->target == "/");
  CHECK(parse_url("https://a?b")->target == "/?b");
  CHECK_THAT(url_error("ftp://a/"), Catch::Contains("must begin with http://"));
  CHECK_THAT(url_error("http://u:p@a/"), Catch::Contains("password_file") && !Catch::Contains("u:p"));
  CHECK_THAT(url_error("http://a/#b"), Catch::Contains("fragment"));
  CHECK_THAT(url_error("http://a b/"), Catch::Contains("printable"));
  CHECK_THAT(url_error("http://a/\r\nX: y"), Catch::Contains("printable"));
  for (const char* port : {"http://a:", "http://a:0", "http://a:65536", "http://a:1x"}) {
    CHECK_THAT(url_error(port), Catch::Contains("port"));
  }
  CHECK_THAT(url_error("http://"), Catch::Contains("host"));
  CHECK_THAT(url_error("http://[::1"), Catch::Contains("']'"));
}

}  // namespace bulkhead::sinks
