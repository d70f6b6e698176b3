"""How defenses side by side are shown."""
