"""Nothing lost, nothing twice: what befalls a lakehouse on purpose."""
