"""What hangs on the unit besides the camera: clock, GPS, lamps, board sensors."""
