"""What of a page is its content: rules over a parsed page, without a parser and without a network."""
