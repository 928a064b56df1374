"""How good a forecast is: the hierarchy, WRMSSE and its companions, rolling-origin backtests."""
