"""Pictures made and shown: `lakehouse report` writes a page, `lakehouse dashboard` serves them."""
