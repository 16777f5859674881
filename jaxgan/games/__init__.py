"""What is trained: games, and the networks that play them."""
