"""How long things take, how much memory, and what of it is more than bare HTTP."""
