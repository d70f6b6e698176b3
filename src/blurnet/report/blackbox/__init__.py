"""How black-box experiments are shown."""
