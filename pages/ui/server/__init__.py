"""The server's own work: limits, turns, cookies, files for the browser, start and end."""
