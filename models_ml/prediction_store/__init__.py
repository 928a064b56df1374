"""The prediction store: runs written once, verified, published in one transaction, read by pointer."""
