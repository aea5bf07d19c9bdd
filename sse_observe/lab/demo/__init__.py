"""`sse-observe demo`: a service, synthetic users, an incident. Entry: `demo.Demo`."""
