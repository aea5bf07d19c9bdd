"""Demo and drills: synthetic users, faults, and a local Prometheus that watches them."""
