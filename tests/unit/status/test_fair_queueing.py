"""Which tenants' jobs come next: each gets its share while they compete, and nobody waits behind another's backlog."""

from collections import Counter
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from services.status.fair_queueing import Share, choose


class Lane:
    """A lane that is served a few jobs at a time, as replicas do."""

    def __init__(self, **weights: float) -> None:
        self.weights = weights
        self.finishes: dict[str, float] = {}
        self.virtual_time = 0.0
        self.waiting: dict[str, list[UUID]] = {tenant: [] for tenant in weights}
        self.owner: dict[UUID, str] = {}

    def add(self, tenant: str, jobs: int) -> None:
        for _ in range(jobs):
            job = uuid4()
            self.owner[job] = tenant
            self.waiting[tenant].append(job)

    def serve(self, room: int) -> list[str]:
        """The tenants whose jobs are served, in order."""
        shares = [
            Share(tenant, self.weights[tenant], self.finishes.get(tenant, 0.0), jobs[:room])
            for tenant, jobs in self.waiting.items()
            if jobs
        ]
        chosen = choose(shares, self.virtual_time, room)
        self.virtual_time = chosen.virtual_time
        self.finishes.update(chosen.finishes)
        for job in chosen.jobs:
            self.waiting[self.owner[job]].remove(job)
        return [self.owner[job] for job in chosen.jobs]


def test_two_tenants_take_turns_however_much_one_of_them_has() -> None:
    lane = Lane(large=1, small=1)
    lane.add("large", 1000)
    lane.add("small", 5)
    assert lane.serve(10) == ["large", "small"] * 5


def test_whoever_comes_anew_is_next_although_others_were_served_for_long() -> None:
    lane = Lane(large=1, small=1)
    lane.add("large", 1000)
    assert lane.serve(600) == ["large"] * 600
    lane.add("small", 3)
    assert lane.serve(2).count("small") == 1
    assert lane.serve(4).count("small") == 2


def test_nobody_saves_up_turns_while_idle() -> None:
    lane = Lane(early=1, late=1)
    lane.add("early", 500)
    lane.serve(400)
    lane.add("late", 400)
    assert Counter(lane.serve(100)) == {"early": 50, "late": 50}


def test_a_tenant_alone_gets_everything() -> None:
    lane = Lane(only=0.01)
    lane.add("only", 7)
    assert lane.serve(10) == ["only"] * 7


def test_a_tenant_s_own_order_is_kept() -> None:
    jobs = [uuid4() for _ in range(5)]
    assert choose([Share("one", 2, 0, jobs)], 0, 3).jobs == tuple(jobs[:3])


def test_without_room_nothing_is_chosen() -> None:
    chosen = choose([Share("one", 1, 0, [uuid4()])], 3, 0)
    assert (chosen.jobs, chosen.virtual_time, dict(chosen.finishes)) == ((), 3, {})


@given(
    weights=st.lists(st.sampled_from([0.5, 1, 2, 3, 4]), min_size=2, max_size=5),
    rooms=st.lists(st.integers(1, 12), min_size=30, max_size=60),
)
def test_shares_are_as_the_weights_whatever_the_size_of_the_portions(weights: list[float], rooms: list[int]) -> None:
    """To within one job a tenant: the bound of start-time fair queueing, 1/w + 1/v in virtual time."""
    named = {f"tenant-{k}": weight for k, weight in enumerate(weights)}
    lane = Lane(**named)
    for tenant in named:
        lane.add(tenant, 800)
    served: Counter[str] = Counter()
    for room in rooms:
        served.update(lane.serve(room))
        for one, weight in named.items():
            for other, its_weight in named.items():
                apart = abs(served[one] / weight - served[other] / its_weight)
                assert apart <= 1 / weight + 1 / its_weight + 1e-9
