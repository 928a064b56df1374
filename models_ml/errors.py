"""One exception tree. Each message names the thing that is wrong and what to do about it."""

from __future__ import annotations


class DemandError(Exception):
    """An error that the user can fix; the command line prints its message and exits with `exit_code`."""

    exit_code = 1


class InputError(DemandError):
    """The user's data, settings or arguments are wrong (file, line or column, value and remedy in the message)."""

    exit_code = 2


class WarehouseError(DemandError):
    """The warehouse cannot be read, or a relation or column that the model needs is not there."""


class LakeError(DemandError):
    """The data lake cannot be reached or refuses, or a checksum is wrong; what was transferred is kept."""


class ModelError(DemandError):
    """A forecaster cannot be fitted or used: too little history, unknown categories, another feature list."""


class StoreError(DemandError):
    """The prediction store cannot be read or written."""


class PublishError(StoreError):
    """A run was refused before its pointers moved; the run served before is still served."""


class QualityError(DemandError):
    """A data-quality check of severity `error` failed, so nothing was published."""


class StepError(DemandError):
    """A step that runs as another program (dbt, a server) failed; the message names its log."""
