"""History from outside: fetched in chunks, judged whole, stored in one transaction each, and never twice."""
