"""Why a run does not learn: facts, rules, words and remedies."""
