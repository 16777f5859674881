"""jaxgan: functional training of generative adversarial networks in JAX."""
