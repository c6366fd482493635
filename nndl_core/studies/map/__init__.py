"""The trainability map: axes, plan, and what its cells say."""
