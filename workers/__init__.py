"""One worker process: claim, plan deliveries, send, decide, settle."""
