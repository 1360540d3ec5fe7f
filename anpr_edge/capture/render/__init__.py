"""Plates, vehicles and roads drawn from nothing but geometry: the demo's and the tests' world."""
