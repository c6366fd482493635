"""The claims of the chapter, and ours beside them, as data that a study can test."""

from nndl_core.course.claims import autograd, dying, initialization, networks, vanishing
from nndl_core.studies.study import Claim

CLAIMS: dict[str, Claim] = {
    claim.name: claim
    for module in (networks, autograd, initialization, vanishing, dying)
    for claim in module.CLAIMS
}
