"""The item model store by store: one after the other here, or side by side on Spark, by the same function.

A store that is fitted by itself learns from its own series alone: a thousand stores cost what a thousand small fits
cost, and no machine holds them all. `item_lightgbm` fits all stores in one model instead: better where stores are few.
"""
