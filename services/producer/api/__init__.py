"""The HTTP API: one small router a subject, thin over the use cases; errors as RFC 9457 problem+json."""
