"""From a forecast to an order: how much stock a service level needs, and what that is worth.

`terms` says how goods are ordered, `interval` how demand over several days spreads, `policy` what to hold and order,
`simulation` plays a policy through against real demand, `value` compares forecasts by what their orders cost.
"""
