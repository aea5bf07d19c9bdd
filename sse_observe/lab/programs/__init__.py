"""Real programs and networks under demo and drill: start them, ask them, end them."""
