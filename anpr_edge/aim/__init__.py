"""The page for whoever stands under the pole: live view, focus, areas and acceptance, for minutes and by hand."""
