"""Consumer lag: sampled from the brokers, evaluated, exported."""
