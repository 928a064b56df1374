"""The data lake (ADLS Gen2): verified uploads and downloads of raw files, and the source of `demand ingest`."""
