"""Controls, tables and figures that several pages use."""
