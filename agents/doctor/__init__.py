"""Doctor: gathers facts about an installation, then judges them without any I/O."""
