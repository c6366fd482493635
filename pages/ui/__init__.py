"""What the pages are made of: session, controls, the live panel and its drawing component."""
