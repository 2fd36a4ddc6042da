// What the agent says of itself and of its host, as messages.
#pragma once

#include <string>

#include "agent/ledger/ledger_book.h"
#include "agent/ownership/ownership.h"
#include "agent/probes/probe_set.h"
#include "agent/spool/clock.h"
#include "bulkhead/v1/agent_state.pb.h"
#include "bulkhead/v1/event.pb.h"
#include "bulkhead/v1/host.pb.h"
#include "bulkhead/v1/ingest.pb.h"

namespace bulkhead {

void stamp(const spool::Moment& moment, google::protobuf::Timestamp* time);

// This boot's id, from the kernel.
std::string boot_id();

// Each call names a run of its own.
v1::Hello make_hello(const std::string& host_id, const std::string& boot_id, const v1::Coverage& coverage);

// What the next run of the agent is to know of the one that said this.
v1::LastRun run_of(const v1::Hello& hello);

// As of now.
v1::Coverage coverage_of(const probes::ProbeSet& probes);

// As of now.
v1::Event tenant_change_event(const ownership::TenantChanged& change, const ownership::Registry& registry);
v1::Event wipe_event(const ledger::ToldWipe& told, const ownership::Registry& registry);
v1::Event foreign_claim_event(const ownership::ForeignClaim& foreign, const ownership::Registry& registry);

}  // namespace bulkhead
