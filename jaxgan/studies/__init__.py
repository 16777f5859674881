"""Many runs on the host: what they have in common, and what tells them apart."""
