#include "tests/unit/stream/test_collector.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "absl/strings/str_cat.h"
#include "proto/batch/batch.h"
#include "proto/batch/limits.h"

namespace bulkhead::test {

std::string TestCollector::start(const std::string& address) {
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port);
  builder.SetMaxReceiveMessageSize(static_cast<int>(limits::kMessageBytes));
  builder.RegisterService(this);
  server_ = builder.BuildAndStart();
  REQUIRE(server_ != nullptr);
  return address.starts_with("unix:") ? address : absl::StrCat("127.0.0.1:", port);
}

void TestCollector::stop() {
  if (server_ == nullptr) return;
  server_->Shutdown(std::chrono::system_clock::now());
  server_->Wait();
  server_.reset();
}

void TestCollector::set_hook(Hook hook) {
  const std::lock_guard lock(mutex_);
  hook_ = std::move(hook);
}

bool TestCollector::wait(const std::function<bool(const Collected&)>& predicate) {
  std::unique_lock lock(mutex_);
  const bool came = changed_.wait_for(lock, std::chrono::seconds(10), [&] { return predicate(collected_); });
  CHECK(collected_.fault.empty());
  return came;
}

Collected TestCollector::collected() {
  const std::lock_guard lock(mutex_);
  CHECK(collected_.fault.empty());
  return collected_;
}

void TestCollector::change(const std::function<void(Collected&)>& change) {
  const std::lock_guard lock(mutex_);
  change(collected_);
}

grpc::Status TestCollector::Stream(grpc::ServerContext*,
                                   grpc::ServerReaderWriter<v1::CollectorMessage, v1::AgentMessage>* stream) {
  v1::AgentMessage message;
  while (stream->Read(&message)) {
    Answers answers;
    {
      const std::lock_guard lock(mutex_);
      if (!hook_ || !hook_(message, collected_, &answers)) answers = answer(message);
    }
    changed_.notify_all();
    for (const v1::CollectorMessage& one : answers) {
      if (!stream->Write(one)) return grpc::Status::OK;
    }
  }
  {
    const std::lock_guard lock(mutex_);
    ++collected_.orderly_ends;
  }
  changed_.notify_all();
  return grpc::Status::OK;
}

TestCollector::Answers TestCollector::answer(const v1::AgentMessage& message) {
  const auto expected = [&](const std::string& boot) -> std::uint64_t& {
    return collected_.next_sequence.try_emplace(boot, 1).first->second;
  };
  switch (message.message_case()) {
    case v1::AgentMessage::kHello: {
      collected_.hellos.push_back(message.hello());
      v1::CollectorMessage answer;
      answer.mutable_welcome()->set_collector_id("test");
      for (const auto& [boot, next] : collected_.next_sequence) {
        v1::BootPosition* position = answer.mutable_welcome()->add_positions();
        position->set_boot_id(boot);
        position->set_next_sequence(next);
      }
      return {answer};
    }
    case v1::AgentMessage::kBatch: {
      const v1::EventBatch& batch = message.batch();
      ++collected_.batches;
      if (const auto status = batch::validate(batch); !status.ok()) collected_.fault = status.ToString();
      std::uint64_t& next = expected(batch.boot_id());
      if (batch.first_sequence() > next) return {rewind(batch.boot_id(), next)};
      for (; next <= batch::last_sequence(batch); ++next) {
        collected_.stored.push_back(absl::StrCat(batch.boot_id(), "/", next));
      }
      return {ack(batch.boot_id(), next - 1)};
    }
    case v1::AgentMessage::kGap: {
      std::uint64_t& next = expected(message.gap().boot_id());
      if (message.gap().from_sequence() > next) return {rewind(message.gap().boot_id(), next)};
      collected_.gaps.push_back(message.gap());
      next = std::max(next, message.gap().through_sequence() + 1);
      return {ack(message.gap().boot_id(), next - 1)};
    }
    case v1::AgentMessage::kHealth:
      collected_.healths.push_back(message.health());
      return {};
    case v1::AgentMessage::kInventory:
      collected_.inventories.push_back(message.inventory());
      return {};
    case v1::AgentMessage::kCoverage:
      collected_.coverages.push_back(message.coverage());
      return {};
    case v1::AgentMessage::kLedger:
    case v1::AgentMessage::MESSAGE_NOT_SET:
      collected_.fault = "an empty message";
      return {};
  }
  return {};
}

v1::CollectorMessage ack(const std::string& boot_id, std::uint64_t through) {
  v1::CollectorMessage message;
  message.mutable_ack()->set_boot_id(boot_id);
  message.mutable_ack()->set_through_sequence(through);
  return message;
}

v1::CollectorMessage rewind(const std::string& boot_id, std::uint64_t next) {
  v1::CollectorMessage message;
  message.mutable_rewind()->set_boot_id(boot_id);
  message.mutable_rewind()->set_next_sequence(next);
  return message;
}

v1::CollectorMessage welcome(const std::string& boot_id, std::uint64_t next) {
  v1::CollectorMessage message;
  v1::BootPosition* position = message.mutable_welcome()->add_positions();
  position->set_boot_id(boot_id);
  position->set_next_sequence(next);
  return message;
}

}  // namespace bulkhead::test
