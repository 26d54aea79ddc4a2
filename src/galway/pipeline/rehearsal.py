"""What a run would start, stage by stage; pure. What no build has decided yet is named in capitals."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from galway import baking, tagging
from galway.checks.containers import REPOSITORY
from galway.stages import build, publish, sbom, scan, sign, test, verify
from galway.tools import cosign, structure_test, trivy

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from galway.catalog import Image
    from galway.plan import Plan
    from galway.workspace import Workspace

Command = tuple[str, ...]

KEY = cosign.Key(private="throw-away.key", public="throw-away.pub")


def commands(workspace: Workspace, plan: Plan) -> Iterator[tuple[str, list[Command]]]:
    """What each stage is about, and its programs in their order."""
    each = ", ".join(f"{target.image.name} {target.platform}" for target in plan.targets)
    names = [f"127.0.0.1:PORT/{image.reference.repository}@DIGEST" for image in plan.images]
    cache = trivy.cache(workspace)
    yield f"{build.STAGE}: {each}", [baking.command(baking.place(workspace))]
    yield (
        f"{test.STAGE}, then looks at files and containers",
        [argv for target in plan.targets for argv in _tests(target.image, target.platform.slug, str(target.platform))],
    )
    yield f"{sbom.STAGE}, for each of them", list(sbom.commands(trivy.TOOL, cache))
    yield f"{scan.STAGE}, for each of them", list(scan.commands(trivy.TOOL, cache))
    yield f"{publish.STAGE}, to a registry that runs here meanwhile: {_called(plan)}", []
    yield (
        f"{sign.STAGE}, each image and platform, with a key that is made for it",
        [argv for name in names for argv in _signatures(name)],
    )
    yield (
        f"{verify.STAGE}, each image, platform and SBOM, pulled from that registry",
        [argv for name in names for argv in _proofs(name)],
    )


def _tests(image: Image, slug: str, platform: str) -> Sequence[Command]:
    program, name = Path(structure_test.NAME), f"{REPOSITORY}/{image.name}:{slug}-DIGEST"
    return (
        structure_test.on_archive(program, Path("image.tar"), Path("files.yaml")),
        ("docker", "load"),
        structure_test.on_engine(program, name, Path("commands.yaml"), platform),
        ("docker", "image", "rm", name),
    )


def _called(plan: Plan) -> str:
    """Under which tags each image is published."""
    ref = tagging.choose(plan.source)
    decided = tagging.decide(plan.images, ref, default_branch=tagging.default_branch())
    return "; ".join(f"{one.image} as {', '.join(str(each.tag) for each in one.tags) or 'nothing'}" for one in decided)


def _signatures(name: str) -> Sequence[Command]:
    has = cosign.Features(signing_config=False)
    return (
        cosign.sign("cosign", name, KEY, has, insecure=True),
        cosign.attest("cosign", name, sign.PROVENANCE, KEY, has, insecure=True),
    )


def _proofs(name: str) -> Sequence[Command]:
    return (
        cosign.verify("cosign", name, KEY, insecure=True),
        cosign.verify_attestation("cosign", name, KEY, insecure=True),
    )
