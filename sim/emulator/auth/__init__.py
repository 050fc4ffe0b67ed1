"""Who calls: tokens, signatures of requests, and where the keys to check them lie."""
