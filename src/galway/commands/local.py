"""`inv up`, `inv logs` and `inv down`: docker-compose.yml in the engine that answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from galway.commands import DRY, JSON
from galway.commands.options import task

if TYPE_CHECKING:
    from invoke.context import Context


@task(
    help={
        "pinned": "Run exactly what this checkout built: write .galway/compose/pinned.yml with digests and use it.",
        "timeout": "Seconds until the collector must be healthy and the scan have ended (default: 900).",
        "dry": DRY,
        "json": JSON,
    }
)
def up(c: Context, pinned: bool = False, timeout: str = "900", dry: bool = False, json: bool = False) -> None:
    """Start the collector and a scan of this checkout as docker-compose.yml says, and wait until both are there.

    Findings do not fail it; a scan without a verdict ends with 10. Environment: REGISTRY, GALWAY_SCAN (another
    folder), GALWAY_API_PORT, GALWAY_METRICS_PORT.
    """
    import os

    from galway import compose, console, engine, prepare, process
    from galway.compose import pinned as pins, state
    from galway.report import local as report
    from galway.workspace import Workspace

    with console.edge():
        workspace = Workspace.here()
        seconds = compose.seconds(timeout)
        registry = {"REGISTRY": os.environ.get("REGISTRY", "")}
        images = {image.name: image for image in prepare.load_catalog(workspace, environment=registry).images}
        names = {service: images[image].reference for service, image in compose.SERVICES.items()}
        references = compose.pin(workspace, images) if pinned else names
        ports = compose.ports(os.environ)
        override = pins.place(workspace) if pinned else None
        show = console.err if json else console.out
        if pinned:
            show.print(pins.text(references).rstrip(), soft_wrap=True, markup=False)
        if dry or c.config.run.dry:
            argv = compose.Compose(docker="docker", root=workspace.root, override=override).up()
            console.out.print(process.quote(argv), soft_wrap=True, markup=False)
            return
        if pinned:
            pins.write(workspace, references)
        answering = engine.ensure(workspace, say=console.say)
        services = compose.Compose(docker=answering.docker, root=workspace.root, override=override)
        results = compose.results(workspace.root, os.environ)
        try:
            found = compose.up(
                services, answering, references, ports=ports, results=results, timeout=seconds, say=console.say
            )
        except KeyboardInterrupt:
            console.say("what compose started stays; `inv down` takes it down")
            raise
        places = compose.places(ports)
        code = found["security-scanner"].exit_code
        meaning = state.meaning(code)
        if json:
            console.print_json(report.values(found, places=places, results=results, meaning=meaning))
        else:
            console.out.print(report.services(found, places=places, results=results, meaning=meaning))
        console.conclude(state.verdict(code))


@task(
    iterable=["service"],
    help={"follow": "Go on as they print.", "service": "Only this one; repeat for several (default: all).", "dry": DRY},
)
def logs(c: Context, service: list[str], follow: bool = False, dry: bool = False) -> None:
    """Show what the services of docker-compose.yml printed."""
    from galway import compose, console, engine, process
    from galway.errors import MissingToolError
    from galway.report import typed
    from galway.workspace import Workspace

    with console.edge():
        workspace = Workspace.here()
        names = compose.services(service)
        if dry or c.config.run.dry:
            argv = compose.Compose(docker="docker", root=workspace.root).logs(names, follow=follow)
            console.out.print(process.quote(argv), soft_wrap=True, markup=False)
            return
        answering = engine.find(workspace)
        if answering is None:
            raise MissingToolError("no engine answers, so no service runs", hint="inv up")
        services = compose.Compose(docker=answering.docker, root=workspace.root)
        if not compose.look(services, answering):  # compose would print nothing, and call that a success
            console.err.print(typed("no service of docker-compose.yml is there; inv up starts them"), soft_wrap=True)
            return
        process.replace(services.logs(names, follow=follow), env=answering.env)


@task(help={"volumes": "Also delete what the collector collected.", "dry": DRY})
def down(c: Context, volumes: bool = False, dry: bool = False) -> None:
    """Stop and remove the services of docker-compose.yml; the collected data stays unless --volumes is given."""
    from galway import compose, console, engine, process
    from galway.workspace import Workspace

    with console.edge():
        workspace = Workspace.here()
        if dry or c.config.run.dry:
            argv = compose.Compose(docker="docker", root=workspace.root).down(volumes=volumes)
            console.out.print(process.quote(argv), soft_wrap=True, markup=False)
            return
        answering = engine.find(workspace)
        if answering is None:
            console.out.print("no engine answers, so no service runs")
            return
        services = compose.Compose(docker=answering.docker, root=workspace.root)
        compose.down(services, answering, volumes=volumes, say=console.say)
