// Writes alerts to a Kafka topic through librdkafka: idempotent producer, acks=all, the delivery report confirms.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>

#include "collector/sinks/settings.h"
#include "collector/sinks/sink.h"

struct rd_kafka_s;
struct rd_kafka_message_s;

namespace bulkhead::sinks {

struct KafkaSettings {
  std::string brokers;  // HOST:PORT, …
  std::string topic;
  bool use_tls = false;
  TlsSettings tls;
  // Empty: no SASL. "PLAIN", "SCRAM-SHA-256" or "SCRAM-SHA-512".
  std::string sasl_mechanism;
  std::string username;
  std::string password;
  // After it an attempt counts as failed and is said so; the message stays with librdkafka, which goes on trying.
  std::chrono::milliseconds timeout{10000};
  std::size_t max_message_bytes = 1'000'000;
};

// The key is the alert's uid, so that what happens to one alert stays in order; the value is OCSF JSON; the headers are
// "bulkhead-id" (the delivery's id) and "content-type".
class KafkaSink : public Sink {
 public:
  explicit KafkaSink(KafkaSettings settings);
  ~KafkaSink() override;
  const std::string& description() const override { return description_; }
  std::size_t batch_size() const override { return 256; }
  std::vector<absl::Status> deliver(std::span<const Delivery> deliveries, const std::stop_token& stop) override;

  // kInvalidArgument in librdkafka's words, such as an option that it does not take.
  static absl::Status check(const KafkaSettings& settings);

 private:
  struct Close {
    void operator()(rd_kafka_s* producer) const;
  };
  struct Produced {
    std::string id;
    bool reported = false;
    absl::Status result;
  };

  static void on_report(rd_kafka_s* producer, const rd_kafka_message_s* message, void* sink);
  static void on_error(rd_kafka_s* producer, int error, const char* reason, void* sink);

  absl::Status open();
  absl::Status produce(const Delivery& delivery);
  // Serves reports until all that was produced has one, the deadline, or the stop.
  void await(const std::stop_token& stop);
  absl::Status take_result(const Delivery& delivery, const std::stop_token& stop);
  bool all_reported() const;

  const KafkaSettings settings_;
  const std::string description_;
  // By delivery id: what librdkafka was given and the outbox still has.
  std::map<std::string, std::unique_ptr<Produced>> produced_;
  std::string last_error_;
  bool fatal_ = false;
  std::unique_ptr<rd_kafka_s, Close> producer_;
};

}  // namespace bulkhead::sinks
