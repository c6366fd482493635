"""What every figure shares: colors, scales, parts."""
