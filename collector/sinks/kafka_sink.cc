#include "collector/sinks/kafka_sink.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace bulkhead::sinks {
namespace {

// How long a stop may go unnoticed.
constexpr int kPollMilliseconds = 20;

struct DestroyConf {
  void operator()(rd_kafka_conf_t* conf) const { rd_kafka_conf_destroy(conf); }
};
using Conf = std::unique_ptr<rd_kafka_conf_t, DestroyConf>;

// What another attempt with the same message cannot change.
bool for_good(rd_kafka_resp_err_t error) {
  return error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE || error == RD_KAFKA_RESP_ERR_INVALID_MSG ||
         error == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE || error == RD_KAFKA_RESP_ERR_INVALID_RECORD ||
         error == RD_KAFKA_RESP_ERR_POLICY_VIOLATION;
}

absl::StatusOr<Conf> make_conf(const KafkaSettings& settings) {
  Conf conf(rd_kafka_conf_new());
  std::vector<std::pair<std::string, std::string>> options = {
      {"bootstrap.servers", settings.brokers},
      {"client.id", "bulkhead-collector"},
      {"enable.idempotence", "true"},
      {"acks", "all"},
      // The outbox decides what is given up, not a timer.
      {"message.timeout.ms", "0"},
      {"linger.ms", "5"},
      {"message.max.bytes", fmt::format("{}", settings.max_message_bytes)},
      {"socket.keepalive.enable", "true"},
      {"reconnect.backoff.max.ms", "2000"},
      {"log_level", "0"},
  };
  if (settings.use_tls) {
    options.emplace_back("enable.ssl.certificate.verification", settings.tls.verify ? "true" : "false");
    options.emplace_back("ssl.endpoint.identification.algorithm", settings.tls.verify ? "https" : "none");
    if (!settings.tls.ca_file.empty()) options.emplace_back("ssl.ca.location", settings.tls.ca_file);
    if (!settings.tls.cert_file.empty()) options.emplace_back("ssl.certificate.location", settings.tls.cert_file);
    if (!settings.tls.key_file.empty()) options.emplace_back("ssl.key.location", settings.tls.key_file);
  }
  const bool sasl = !settings.sasl_mechanism.empty();
  if (sasl) {
    options.emplace_back("sasl.mechanism", settings.sasl_mechanism);
    options.emplace_back("sasl.username", settings.username);
    options.emplace_back("sasl.password", settings.password);
  }
  options.emplace_back("security.protocol",
                       fmt::format("{}{}", sasl ? "sasl_" : "", settings.use_tls ? "ssl" : "plaintext"));
  for (const auto& [name, value] : options) {
    char why[512] = "";
    if (rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), why, sizeof why) != RD_KAFKA_CONF_OK) {
      return absl::InvalidArgumentError(fmt::format("Kafka: {}", why));
    }
  }
  return conf;
}

}  // namespace

void KafkaSink::Close::operator()(rd_kafka_s* producer) const {
  // Without it the end would wait for brokers that are down.
  rd_kafka_purge(producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  rd_kafka_destroy_flags(producer, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

KafkaSink::KafkaSink(KafkaSettings settings)
    : settings_(std::move(settings)), description_(fmt::format("kafka {} at {}", settings_.topic, settings_.brokers)) {}

KafkaSink::~KafkaSink() = default;

absl::Status KafkaSink::check(const KafkaSettings& settings) {
  auto conf = make_conf(settings);
  if (!conf.ok()) return conf.status();
  char why[512] = "";
  // Loads the certificates; connects to nobody before there is something to send.
  rd_kafka_t* producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf->get(), why, sizeof why);
  if (producer == nullptr) return absl::InvalidArgumentError(fmt::format("Kafka: {}", why));
  (void)conf->release();
  rd_kafka_destroy(producer);
  return absl::OkStatus();
}

absl::Status KafkaSink::open() {
  auto conf = make_conf(settings_);
  if (!conf.ok()) return absl::UnavailableError(std::string(conf.status().message()));
  rd_kafka_conf_set_opaque(conf->get(), this);
  rd_kafka_conf_set_dr_msg_cb(conf->get(), &KafkaSink::on_report);
  rd_kafka_conf_set_error_cb(conf->get(), &KafkaSink::on_error);
  char why[512] = "";
  rd_kafka_t* producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf->get(), why, sizeof why);
  if (producer == nullptr) return absl::UnavailableError(fmt::format("Kafka: {}", why));
  (void)conf->release();
  producer_.reset(producer);
  return absl::OkStatus();
}

void KafkaSink::on_report(rd_kafka_s*, const rd_kafka_message_s* message, void*) {
  auto* produced = static_cast<Produced*>(message->_private);
  produced->reported = true;
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    produced->result = absl::OkStatus();
  } else if (for_good(message->err)) {
    produced->result = absl::InvalidArgumentError(fmt::format("Kafka: {}", rd_kafka_err2str(message->err)));
  } else {
    produced->result = absl::UnavailableError(fmt::format("Kafka: {}", rd_kafka_err2str(message->err)));
  }
}

void KafkaSink::on_error(rd_kafka_s*, int error, const char* reason, void* sink) {
  auto* self = static_cast<KafkaSink*>(sink);
  self->last_error_ = reason;
  if (error == RD_KAFKA_RESP_ERR__FATAL) self->fatal_ = true;
}

absl::Status KafkaSink::produce(const Delivery& delivery) {
  const std::string value = alerts::to_ocsf(*delivery.alert, delivery.activity);
  const std::string& key = delivery.alert->uid();
  auto produced = std::make_unique<Produced>();
  produced->id = delivery.id;
  const rd_kafka_resp_err_t error = rd_kafka_producev(
      producer_.get(), RD_KAFKA_V_TOPIC(settings_.topic.c_str()), RD_KAFKA_V_KEY(key.data(), key.size()),
      RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
      RD_KAFKA_V_HEADER("bulkhead-id", delivery.id.data(), static_cast<ssize_t>(delivery.id.size())),
      RD_KAFKA_V_HEADER("content-type", "application/json", -1), RD_KAFKA_V_OPAQUE(produced.get()), RD_KAFKA_V_END);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
    produced_[delivery.id] = std::move(produced);
    return absl::OkStatus();
  }
  const std::string text = fmt::format("Kafka: {}", rd_kafka_err2str(error));
  return for_good(error) ? absl::InvalidArgumentError(text) : absl::UnavailableError(text);
}

bool KafkaSink::all_reported() const {
  return std::ranges::all_of(produced_, [](const auto& entry) { return entry.second->reported; });
}

void KafkaSink::await(const std::stop_token& stop) {
  const auto deadline = std::chrono::steady_clock::now() + settings_.timeout;
  while (!all_reported() && !fatal_ && !stop.stop_requested() && std::chrono::steady_clock::now() < deadline) {
    rd_kafka_poll(producer_.get(), kPollMilliseconds);
  }
}

absl::Status KafkaSink::take_result(const Delivery& delivery, const std::stop_token& stop) {
  const auto found = produced_.find(delivery.id);
  if (found == produced_.end()) return absl::UnavailableError("Kafka: not sent");
  if (!found->second->reported) {
    if (stop.stop_requested()) return absl::CancelledError("stopped on the way to Kafka");
    return absl::UnavailableError(
        fmt::format("no broker has confirmed within {} s{}{}",
                    std::chrono::duration_cast<std::chrono::seconds>(settings_.timeout).count(),
                    last_error_.empty() ? "" : ": ", last_error_));
  }
  absl::Status result = found->second->result;
  produced_.erase(found);
  return result;
}

std::vector<absl::Status> KafkaSink::deliver(std::span<const Delivery> deliveries, const std::stop_token& stop) {
  if (producer_ == nullptr) {
    if (auto status = open(); !status.ok()) return {deliveries.size(), status};
  }
  last_error_.clear();
  std::map<std::string, absl::Status> refused;
  for (const Delivery& delivery : deliveries) {
    // What it was given before is still on its way: giving it again would make two of it.
    if (produced_.contains(delivery.id)) continue;
    if (auto status = produce(delivery); !status.ok()) refused[delivery.id] = std::move(status);
  }
  await(stop);
  std::vector<absl::Status> results;
  for (const Delivery& delivery : deliveries) {
    const auto known = refused.find(delivery.id);
    results.push_back(known != refused.end() ? known->second : take_result(delivery, stop));
  }
  if (fatal_) {
    // The producer will send nothing any more; the next attempt begins with another.
    producer_.reset();
    produced_.clear();
    fatal_ = false;
  }
  return results;
}

}  // namespace bulkhead::sinks
