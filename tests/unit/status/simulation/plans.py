"""The weathers that stories are made in."""

from dataclasses import replace

from services.status.reconciler import ReconcilerSettings
from tests.unit.status.simulation.schedule import Plan
from tests.unit.status.simulation.world import Faults

# A projector that is behind is asked fewer times than in earnest; each of these costs a step of every schedule.
RECONCILER = ReconcilerSettings(catch_up_timeout=0.05)
STORM = Faults(slow=0.01, postgres=0.02, unpublished=0.03, lost=0.05, duplicated=0.03, incidents=2.5)

CALM = Plan(reconciler_settings=RECONCILER)
"""Nothing goes wrong but what providers do."""
COMMANDS = Plan(reconciler_settings=RECONCILER, commands=3, replicas=1)
"""Nothing goes wrong, and clients want this and that. One projector: two may cross, and that is repaired."""
ROUGH = Plan(reconciler_settings=RECONCILER, faults=STORM, commands=3)
"""Everything goes wrong for a while."""
APPROVED = replace(ROUGH, approvals=0.8)
"""The same with stories whose text is to be approved, and clients who take their time for it."""
LATE = Plan(
    reconciler_settings=ReconcilerSettings(catch_up_timeout=0.05, asset_deadline=15, story_deadline=30),
    faults=replace(STORM, hangs=0.1),
    commands=2,
)
"""The same with jobs that never end, and deadlines."""
PATIENT = replace(LATE, approvals=0.8)
"""With deadlines, and clients who read for longer than a story may take."""
