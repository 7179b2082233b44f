"""When a version takes over from the champion, and when it loses its place again: pure functions over examples."""
