#include "collector/api/rpc_server.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/resource_quota.h>

#include "absl/strings/str_cat.h"
#include "net/listen_check.h"
#include "proto/batch/limits.h"

namespace bulkhead::api {

namespace {

// Of the synchronous services (queries): streams of agents have none.
constexpr int kThreads = 128;

class GrpcServer final : public RpcServer {
 public:
  GrpcServer(std::unique_ptr<grpc::Server> server, net::Endpoint address)
      : server_(std::move(server)), address_(std::move(address)) {}
  ~GrpcServer() override { stop(std::chrono::milliseconds(0)); }

  const net::Endpoint& address() const override { return address_; }
  void stop(std::chrono::milliseconds grace) override { server_->Shutdown(std::chrono::system_clock::now() + grace); }

 private:
  const std::unique_ptr<grpc::Server> server_;
  const net::Endpoint address_;
};

void set_arguments(grpc::ServerBuilder& builder) {
  builder.SetMaxReceiveMessageSize(static_cast<int>(limits::kMessageBytes));
  // Without this a second collector would share the port instead of being told that it is taken.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 2 * limits::kKeepaliveMilliseconds);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, limits::kKeepaliveMilliseconds);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, limits::kKeepaliveMilliseconds / 2);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 100);
  builder.SetResourceQuota(grpc::ResourceQuota("collector").SetMaxThreads(kThreads));
}

}  // namespace

absl::StatusOr<std::unique_ptr<RpcServer>> RpcServer::start(const net::Endpoint& listen,
                                                            const std::vector<grpc::Service*>& services) {
  // gRPC keeps to itself why it cannot listen.
  if (auto status = net::check_listen(listen); !status.ok()) return status;
  grpc::ServerBuilder builder;
  set_arguments(builder);
  int port = 0;
  builder.AddListeningPort(listen.text(), grpc::InsecureServerCredentials(), &port);
  for (auto* service : services) builder.RegisterService(service);
  auto server = builder.BuildAndStart();
  if (server == nullptr) {
    return absl::AlreadyExistsError(absl::StrCat("cannot listen on ", listen.text(), ": the address is in use"));
  }
  net::Endpoint address = listen;
  if (!address.is_unix()) address.port = static_cast<std::uint16_t>(port);
  return std::make_unique<GrpcServer>(std::move(server), std::move(address));
}

}  // namespace bulkhead::api
