"""The `inv` namespace; the tasks are in `galway.commands`."""

from invoke.collection import Collection

from galway.commands import (
    engine,
    images,
    inspect,
    machine,
    pipeline,
    publishing,
    reproduction,
    sbom,
    scanning,
    signing,
    testing,
)

namespace = Collection(
    images.plan,
    images.build,
    testing.run_tests,
    inspect.inspect,
    sbom.sbom,
    scanning.scan,
    publishing.tags,
    publishing.push,
    publishing.digest,
    publishing.merge,
    signing.keygen,
    signing.sign,
    signing.verify,
    pipeline.pipeline,
    reproduction.reproduce,
    Collection("engine", engine.engine_show, engine.start, engine.stop, engine.env),
    machine.doctor,
    machine.tools,
    machine.lint,
    machine.clean,
)
