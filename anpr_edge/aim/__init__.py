"""The page for whoever stands under the pole: live view, focus, areas, acceptance; for minutes, by hand."""
