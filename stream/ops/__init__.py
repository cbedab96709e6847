"""Operating a process: logs, metrics, traces, alerts, masking, status pages."""
