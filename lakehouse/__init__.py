"""The retail IoT lakehouse: raw messages from shops become bronze, silver and gold Delta tables."""

__version__ = "0.1.0"
