"""What a link says and a tab keeps: address, language, locks, sharing, presenter mode."""
