"""Where records and engine meet: takes jobs, runs the engine as a child process, publishes what it made."""
