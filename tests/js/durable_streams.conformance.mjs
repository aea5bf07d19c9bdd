// The public suite of the Durable Streams protocol against the server of DURABLE_STREAMS_URL.
// Subscriptions, its option `subscriptions`, are a part of the protocol that we do not offer.
import { runConformanceTests } from "@durable-streams/server-conformance-tests";

runConformanceTests({
  baseUrl: process.env.DURABLE_STREAMS_URL,
  longPollTimeoutMs: Number(process.env.LONG_POLL_MS),
});
