"""What stands before every call: the gate, the circuit breaker, the adaptive limit."""
