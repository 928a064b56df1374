"""Shared by forecasters of store x department nodes: the panel of nodes over days, the pooled regression, the blend."""
