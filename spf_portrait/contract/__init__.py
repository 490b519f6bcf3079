"""What the engine, the service and the worker agree on. Needs pydantic and pillow, never the torch stack."""
