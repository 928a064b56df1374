"""From a forecast to an order: how much stock a service level needs, and what that is worth.

`terms`: how goods are ordered. `interval`: the distribution of demand over several days. `policy`: stock levels and
orders. `simulation`: a policy run against real demand. `value`: forecasts compared by the cost of their orders.
"""
