"""What the lesson pages share: path, controls, seeds, study, report."""
