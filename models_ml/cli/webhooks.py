"""`demand webhooks`: tell other systems what is served."""

from __future__ import annotations

import typer

from models_ml.cli.options import Home, settings_with
from models_ml.cli.store import opened
from models_ml.errors import StoreError

webhooks_app = typer.Typer(help="Signed webhooks for each change of what is served.", no_args_is_help=True)


@webhooks_app.command("test")
def send_test(home: Home = None) -> None:
    """Send a signed test event to DEMAND_WEBHOOK_URL, and say whether it was received."""
    from models_ml.job.webhooks import probe_event, send, target

    url, secret = target(settings_with(home=home))
    event = probe_event()
    error, attempts = send(url, secret, event)
    if error is not None:
        raise StoreError(f"{url} did not receive {event['event_id']} in {attempts} attempts: {error}.")
    typer.echo(f"{url} received {event['event_id']}.")


@webhooks_app.command()
def deliver(home: Home = None) -> None:
    """Send the events that nobody has received yet, oldest first."""
    from models_ml.job.webhooks import deliver as send_waiting

    settings = settings_with(home=home)
    with opened(home) as engine:
        done = send_waiting(engine, settings)
    typer.echo(f"{done.sent} events received, {done.waiting} waiting")
    if done.error is not None:
        raise StoreError(f"{settings.webhook_url}: {done.error}.")
