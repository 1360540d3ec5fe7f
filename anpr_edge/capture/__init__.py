"""Frame sources: the camera, video, stills and rendered roads."""
