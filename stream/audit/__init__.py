"""The balance: what was accepted against what became of it; one order, traced."""
