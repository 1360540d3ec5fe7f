"""The two quantised models a unit runs, their cards, and the recipe that made them."""
