"""The two services, wired: the one place where concrete classes meet."""
