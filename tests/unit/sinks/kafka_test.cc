// Alerts to librdkafka's own mock cluster: real brokers' protocol over sockets in this process.
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "collector/sinks/dispatcher.h"
#include "collector/sinks/make_sinks.h"
#include "tests/unit/sinks/sample.h"

namespace bulkhead::sinks {
namespace {

using namespace std::chrono_literals;
using test::alert_with;
using test::eventually;
using test::open_store;
using test::tell;
using test::TempDir;

constexpr int kBrokers = 3;
constexpr int kPartitions = 4;
constexpr char kTopic[] = "alerts";

struct Record {
  std::string key;
  std::string id;
  std::string value;
};

class Cluster {
 public:
  Cluster() {
    char why[256] = "";
    owner_ = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), why, sizeof why);
    REQUIRE(owner_ != nullptr);
    cluster_ = rd_kafka_mock_cluster_new(owner_, kBrokers);
    REQUIRE(cluster_ != nullptr);
    REQUIRE(rd_kafka_mock_topic_create(cluster_, kTopic, kPartitions, kBrokers) == RD_KAFKA_RESP_ERR_NO_ERROR);
  }
  ~Cluster() {
    rd_kafka_mock_cluster_destroy(cluster_);
    rd_kafka_destroy(owner_);
  }
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  KafkaTarget target() const {
    KafkaTarget target;
    target.brokers = rd_kafka_mock_cluster_bootstraps(cluster_);
    target.topic = kTopic;
    target.timeout = 2s;
    return target;
  }
  void set_down(bool down) {
    for (int broker = 1; broker <= kBrokers; ++broker) {
      const auto error =
          down ? rd_kafka_mock_broker_set_down(cluster_, broker) : rd_kafka_mock_broker_set_up(cluster_, broker);
      REQUIRE(error == RD_KAFKA_RESP_ERR_NO_ERROR);
    }
  }
  void answer_produce_with(rd_kafka_resp_err_t error, int times) {
    constexpr std::int16_t kProduce = 0;
    const std::vector<rd_kafka_resp_err_t> errors(static_cast<std::size_t>(times), error);
    rd_kafka_mock_push_request_errors_array(cluster_, kProduce, errors.size(), errors.data());
  }

  // All that the topic has, at least `count` unless that takes longer than ten seconds.
  std::vector<Record> read(std::size_t count) const;

 private:
  rd_kafka_t* owner_ = nullptr;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;
};

Record record_of(rd_kafka_message_t* message) {
  Record record{.key = std::string(static_cast<const char*>(message->key), message->key_len),
                .id = "",
                .value = std::string(static_cast<const char*>(message->payload), message->len)};
  rd_kafka_headers_t* headers = nullptr;
  const void* id = nullptr;
  std::size_t size = 0;
  if (rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR &&
      rd_kafka_header_get_last(headers, "bulkhead-id", &id, &size) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    record.id = std::string(static_cast<const char*>(id), size);
  }
  return record;
}

std::vector<Record> Cluster::read(std::size_t count) const {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  char why[256] = "";
  rd_kafka_conf_set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(cluster_), why, sizeof why);
  rd_kafka_conf_set(conf, "group.id", "reader", why, sizeof why);
  rd_kafka_t* consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
  REQUIRE(consumer != nullptr);
  rd_kafka_poll_set_consumer(consumer);
  rd_kafka_topic_partition_list_t* all = rd_kafka_topic_partition_list_new(kPartitions);
  for (int partition = 0; partition < kPartitions; ++partition) {
    rd_kafka_topic_partition_list_add(all, kTopic, partition)->offset = RD_KAFKA_OFFSET_BEGINNING;
  }
  rd_kafka_assign(consumer, all);
  rd_kafka_topic_partition_list_destroy(all);
  std::vector<Record> records;
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  auto quiet_until = deadline;
  while (std::chrono::steady_clock::now() < std::min(deadline, quiet_until)) {
    rd_kafka_message_t* message = rd_kafka_consumer_poll(consumer, 100);
    if (message == nullptr) continue;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) records.push_back(record_of(message));
    rd_kafka_message_destroy(message);
    // What is there twice comes a little later.
    if (records.size() >= count) quiet_until = std::chrono::steady_clock::now() + 500ms;
  }
  rd_kafka_destroy(consumer);
  return records;
}

class Producer {
 public:
  Producer(const TempDir& dir, const KafkaTarget& target) : store_(open_store(dir.path() / "data")) {
    auto made =
        make_sinks({{.name = "kafka", .filter = {}, .retry = {.first = 50ms, .longest = 400ms}, .target = target}});
    if (!made.ok()) FAIL(std::string(made.status().message()));
    dispatcher_ = std::make_unique<Dispatcher>(store_->outbox(), store_->alerts(), std::move(made->sinks),
                                               std::vector<std::string>());
    REQUIRE(dispatcher_->start().ok());
  }
  void send(int first, int last) {
    for (int i = first; i <= last; ++i) send(alert_with("alert-" + std::to_string(i)));
  }
  void send(const v1::Alert& alert) { tell(*store_, alert, {"kafka"}); }
  SinkStatistics statistics() const { return dispatcher_->statistics().at(0); }
  bool drained() const {
    return eventually([&] { return statistics().waiting == 0; }, 20s);
  }
  void stop() { dispatcher_->stop(); }

 private:
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Dispatcher> dispatcher_;
};

}  // namespace

TEST_CASE("all Kafka brokers go down in the middle, and every alert arrives, none under two ids") {
  const TempDir dir;
  Cluster cluster;
  Producer producer(dir, cluster.target());
  producer.send(1, 100);
  REQUIRE(producer.drained());
  producer.send(101, 150);
  cluster.set_down(true);
  producer.send(151, 300);
  REQUIRE(eventually([&] { return producer.statistics().retries > 0; }));
  CHECK_THAT(producer.statistics().problem, Catch::Contains("no broker has confirmed"));
  CHECK_FALSE(producer.statistics().connected);
  cluster.set_down(false);
  REQUIRE(producer.drained());
  const auto records = cluster.read(300);
  std::map<std::string, std::string> ids;
  std::set<std::string> keys;
  for (const Record& record : records) {
    // What was on its way when the brokers went is sent again with the producer's old sequence number, by which a
    // broker knows it. librdkafka's mock does not: it keeps both.
    CHECK(ids.try_emplace(record.id, record.value).first->second == record.value);
    keys.insert(record.key);
    CHECK(nlohmann::json::parse(record.value)["finding_info"]["uid"] == record.key);
  }
  CHECK(keys.size() == 300);
  CHECK(ids.size() == 300);
}

TEST_CASE("Kafka's passing errors are tried again, what it refuses for good is put aside, and the queue goes on") {
  const TempDir dir;
  Cluster cluster;
  Producer producer(dir, cluster.target());
  cluster.answer_produce_with(RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, 3);
  producer.send(1, 20);
  REQUIRE(producer.drained());
  CHECK(producer.statistics().dead_letters == 0);
  v1::Alert large = alert_with("large");
  large.set_message(std::string(1'100'000, 'm'));
  producer.send(large);
  producer.send(21, 30);
  REQUIRE(producer.drained());
  CHECK(producer.statistics().dead_letters == 1);
  CHECK_THAT(producer.statistics().problem, Catch::Contains("too large"));
  std::set<std::string> keys;
  for (const Record& record : cluster.read(30)) keys.insert(record.key);
  CHECK(keys.size() == 30);
}

TEST_CASE("a Kafka sink without brokers stops at once, and what it could not tell waits for the next start") {
  const TempDir dir;
  Cluster cluster;
  cluster.set_down(true);
  {
    Producer producer(dir, cluster.target());
    producer.send(1, 10);
    REQUIRE(eventually([&] { return producer.statistics().retries > 0; }));
    const auto begin = std::chrono::steady_clock::now();
    producer.stop();
    CHECK(std::chrono::steady_clock::now() - begin < 2s);
    CHECK(producer.statistics().waiting == 10);
  }
  cluster.set_down(false);
  Producer producer(dir, cluster.target());
  REQUIRE(producer.drained());
  CHECK(cluster.read(10).size() == 10);
}

}  // namespace bulkhead::sinks
