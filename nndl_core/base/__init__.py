"""What everything else stands on: the settings of a run, texts in two languages, checks."""
