"""Where things are kept. `opening` alone knows which back ends there are."""
