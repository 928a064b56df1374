"""The data lake (ADLS Gen2): raw files go up, come down whole and checked, and `demand ingest` reads from it."""
