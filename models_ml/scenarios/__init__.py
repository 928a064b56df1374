"""What would sell at another price, with an event or without: elasticities, and the model's own responses."""
