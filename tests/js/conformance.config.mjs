// The public suite waits for long polls and for lifetimes to end; the default limits are too short.
export default {
  test: { testTimeout: 60_000, hookTimeout: 60_000, include: ["durable_streams.conformance.mjs"] },
};
