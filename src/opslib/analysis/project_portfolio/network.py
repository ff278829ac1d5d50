"""Tasks that wait for each other, as a network: its order, its circles, and the passes through it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from opslib.analysis.methods.columns import Floats

Places = npt.NDArray[np.int64]


class Network:
    """Finish-to-start links between tasks: a task starts when all that it waits for have ended.

    Args:
        size: how many tasks there are.
        before: for each link the place of the task that comes first.
        after: for each link the place of the task that waits.

    Raises:
        ValueError: tasks wait for each other in a circle; `in_circles` names them.
    """

    def __init__(self, size: int, before: Sequence[int] | Places, after: Sequence[int] | Places) -> None:
        self.size = size
        self.predecessors: list[list[int]] = [[] for _ in range(size)]
        self.successors: list[list[int]] = [[] for _ in range(size)]
        for first, then in sorted({(int(a), int(b)) for a, b in zip(before, after, strict=True)}):
            self.predecessors[then].append(first)
            self.successors[first].append(then)
        self.order = _order(self.predecessors, self.successors)
        if len(self.order) < size:
            raise ValueError("tasks wait for each other in a circle")

    def early_finishes(self, durations: Floats, release: Floats) -> Floats:
        """The forward pass: when each task ends at the earliest.

        Args:
            durations: working days, shape (tasks, …): any number of draws beside each other.
            release: the place before which a task cannot start, of a shape that fits.

        Returns:
            Places, of the shape of `durations`.
        """
        finishes = np.broadcast_to(release, durations.shape).astype(np.float64)
        by_task, lasts = _by_task(finishes), _by_task(durations)
        for task in self.order:
            for first in self.predecessors[task]:
                np.maximum(by_task[task], by_task[first], out=by_task[task])
            by_task[task] += lasts[task]
        return finishes

    def late_finishes(self, durations: Floats, end: Floats) -> Floats:
        """The backward pass: when each task may end at the latest.

        Args:
            durations: as for `early_finishes`.
            end: the place at which each task's project ends, of a shape that fits.
        """
        finishes = np.broadcast_to(end, durations.shape).astype(np.float64)
        by_task, lasts = _by_task(finishes), _by_task(durations)
        for task in reversed(self.order):
            for then in self.successors[task]:
                np.minimum(by_task[task], by_task[then] - lasts[then], out=by_task[task])
        return finishes

    def gap_to_next(self, starts: Floats, finishes: Floats, end: Floats) -> Floats:
        """Free slack: how much later a task may end without moving the early start of any other one.

        Args:
            starts: early starts, shape (tasks,).
            finishes: early finishes.
            end: the place at which each task's project ends, which counts where nothing waits for the task.
        """
        next_start = [
            min((starts[then] for then in after), default=end[task]) for task, after in enumerate(self.successors)
        ]
        return np.asarray(next_start, dtype=np.float64) - finishes


def in_circles(size: int, before: Sequence[int] | Places, after: Sequence[int] | Places) -> list[list[int]]:
    """The circles of a network: groups of tasks each of which waits, by whatever way, for itself.

    Args:
        size: how many tasks there are.
        before: for each link the place of the task that comes first.
        after: for each link the place of the task that waits.

    Returns:
        Places of tasks, a list per circle, in order.

    References:
        Tarjan, R. (1972). Depth-first search and linear graph algorithms. SIAM J. Comput. 1, 146-160.

    >>> in_circles(4, [0, 1, 2, 3], [1, 2, 1, 3])
    [[1, 2], [3]]
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    first, then = np.asarray(before, dtype=np.int64), np.asarray(after, dtype=np.int64)
    if not first.size:
        return []
    graph = coo_array((np.ones(first.size), (first, then)), shape=(size, size)).tocsr()
    _, label = connected_components(graph, directed=True, connection="strong")
    counts = np.bincount(label)
    to_itself = np.zeros(size, dtype=bool)
    to_itself[first[first == then]] = True
    in_one = (counts[label] > 1) | to_itself
    circles: dict[int, list[int]] = {}
    for task in np.flatnonzero(in_one):
        circles.setdefault(int(label[task]), []).append(int(task))
    return sorted(circles.values())


def _by_task(values: Floats) -> Floats:
    """A row per task, one column at least."""
    return values.reshape(len(values), int(np.prod(values.shape[1:])))


def _order(predecessors: list[list[int]], successors: list[list[int]]) -> list[int]:
    """Tasks such that each comes after all it waits for; shorter than there are tasks where some wait in a circle."""
    waits_for = [len(tasks) for tasks in predecessors]
    order = [task for task, count in enumerate(waits_for) if count == 0]
    for task in order:
        for then in successors[task]:
            waits_for[then] -= 1
            if waits_for[then] == 0:
                order.append(then)
    return order
