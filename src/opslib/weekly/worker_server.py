"""What the server that forks the workers does before it loads anything: it binds its life to the run's."""

from __future__ import annotations

from opslib.processes import end_with_parent

end_with_parent()
