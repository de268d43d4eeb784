"""What makes recipes run: matching, durable advancing, calls, timers; on one machine or on many."""
