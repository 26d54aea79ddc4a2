"""The `inv` namespace; the tasks are in `galway.commands`."""

from invoke.collection import Collection

from galway.commands import (
    airgap,
    engine,
    guide,
    images,
    inspect,
    local,
    machine,
    pipeline,
    publishing,
    reproduction,
    sbom,
    scanning,
    score,
    signing,
    source,
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
    source.scan_source,
    source.advisories,
    reproduction.reproduce,
    score.checklist,
    score.scorecard,
    local.up,
    local.logs,
    local.down,
    Collection("bundle", airgap.bundle, airgap.load),
    Collection("engine", engine.engine_show, engine.start, engine.stop, engine.env),
    machine.doctor,
    machine.tools,
    machine.lint,
    machine.clean,
)
namespace.add_task(guide.following, default=True)  # `inv` alone
