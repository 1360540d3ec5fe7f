"""How the two models are made: data, synthesis, training, quantisation, export and measurement."""
