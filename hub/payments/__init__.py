"""What the hub keeps of payments, and what it does on gateways' primitives where a gateway itself offers nothing."""
