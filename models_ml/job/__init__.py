"""The main job: from raw files to forecasts that are served."""
