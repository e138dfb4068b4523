"""The transparency log: a Merkle tree over all events, its tiles and its signed checkpoints (C2SP tlog-tiles)."""
