"""SQL for many people at once: one Spark driver a role, with two doors and one guard."""
