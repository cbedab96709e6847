"""The worker process: the Faust app, its one agent, and what watches over it."""
