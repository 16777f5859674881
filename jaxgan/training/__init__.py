"""What is compiled: pure functions of a state and a batch."""
