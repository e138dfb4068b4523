"""The demonstration: real trainings, recorded once, and the client that replays them through the public APIs."""
