"""What hardens a network: filters, penalties and how it is trained, described and applied."""
