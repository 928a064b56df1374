"""What a reader does about a failed check."""

REBUILD = (
    "Look at the raw data of that key, mend it and run `demand build`; if the raw data is right, a model is wrong."
)

REPUBLISH = (
    "Mend the data or the model, then train and publish again (`demand run --force`); "
    "if this run is served, `demand rollback` first."
)
