"""The main job: from raw files to served forecasts."""
