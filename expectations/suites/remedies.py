"""What a reader does about a failed check."""

REBUILD = (
    "Look at the raw data of that key, mend it and run `demand build`; if the raw data is right, a model is wrong."
)

REPUBLISH = "Roll back (`demand rollback`) if this run is served, and train and publish again."
