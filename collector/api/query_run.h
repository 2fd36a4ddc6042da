#pragma once

namespace bulkhead::api {

// A running query's way to its client.
template <typename Message>
class QueryRun {
 public:
  virtual ~QueryRun() = default;

  // Waits for the client to take it; false when nobody wants more.
  virtual bool send(const Message& message) = 0;
  virtual bool is_over() const = 0;
};

}  // namespace bulkhead::api
