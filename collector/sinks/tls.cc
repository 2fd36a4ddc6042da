#include "collector/sinks/tls.h"

#include <fmt/format.h>

#include <boost/asio/ssl/context.hpp>

namespace bulkhead::sinks {
namespace {

namespace ssl = boost::asio::ssl;

absl::Status unusable(const std::string& what, const std::string& file, const boost::system::error_code& error) {
  return absl::InvalidArgumentError(fmt::format("{} {}: {}", what, file, error.message()));
}

}  // namespace

absl::StatusOr<TlsContext> make_tls_context(const TlsSettings& settings) {
  if (settings.cert_file.empty() != settings.key_file.empty()) {
    return absl::InvalidArgumentError("cert_file and key_file belong together");
  }
  auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
  boost::system::error_code error;
  context->set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 | ssl::context::no_sslv3 |
                           ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1,
                       error);
  context->set_verify_mode(settings.verify ? ssl::verify_peer : ssl::verify_none, error);
  if (settings.ca_file.empty()) {
    context->set_default_verify_paths(error);
  } else {
    context->load_verify_file(settings.ca_file, error);
  }
  if (error) return unusable("ca_file", settings.ca_file, error);
  if (settings.cert_file.empty()) return context;
  context->use_certificate_chain_file(settings.cert_file, error);
  if (error) return unusable("cert_file", settings.cert_file, error);
  context->use_private_key_file(settings.key_file, ssl::context::pem, error);
  if (error) return unusable("key_file", settings.key_file, error);
  return context;
}

}  // namespace bulkhead::sinks
