"""Who calls: accounts, users and groups, and the ways in which a request proves whose it is."""
