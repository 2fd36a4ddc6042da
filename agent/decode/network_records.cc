#include "agent/decode/record_kinds.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "agent/decode/raw_fields.h"

namespace bulkhead::decode {

absl::StatusOr<Record> decode_delivery(std::span<const std::byte> bytes) {
  bh_delivery_record raw;
  if (!read_fixed(bytes, raw)) return too_short("delivery", bytes.size());
  if (raw.address_length != 0 && raw.address_length != 4 && raw.address_length != 16) {
    return absl::InvalidArgumentError(absl::StrCat("delivery record with addresses of ", raw.address_length, " bytes"));
  }
  DeliveryRecord delivery;
  delivery.header = header_from(raw.header);
  delivery.source_mac_is_ports = (raw.witnesses & BH_WITNESS_SOURCE_MAC) != 0;
  v1::FrameDelivery& frame = delivery.frame;
  frame.set_source_ifindex(raw.source_ifindex);
  frame.set_destination_ifindex(raw.destination_ifindex);
  frame.set_network_namespace(raw.network_namespace);
  frame.set_source_mac(raw.source_mac, sizeof(raw.source_mac));
  frame.set_destination_mac(raw.destination_mac, sizeof(raw.destination_mac));
  frame.set_ethertype(raw.ethertype);
  frame.set_source_address(raw.source_address, raw.address_length);
  frame.set_destination_address(raw.destination_address, raw.address_length);
  frame.set_ip_protocol(raw.ip_protocol);
  frame.set_frames(raw.frames);
  frame.set_bytes(raw.bytes);
  return delivery;
}

}  // namespace bulkhead::decode
